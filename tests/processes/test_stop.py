"""Signals, and two processes on one run.

A gate holds the training in the middle of an iteration until a test has done what it has to do then.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import Result
from helpers.gate import GATED, Gate
from helpers.ppo_process import PpoProcess
from helpers.run_outcome import assert_same_outcome, newest_checkpoint, outcome

STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
ITERATIONS, STEPS = 12, 64
WORDS = (
    "train", "--env", GATED, "--json", "--total-timesteps", ITERATIONS * STEPS,
    "--set", "num_envs=4", "--set", "num_steps=16", "--set", "num_epochs=1", "--set", "num_minibatches=2",
    "--set", "hidden_sizes=[8]", "--set", "normalize_obs=true", "--set", "num_evals=0",
)  # fmt: skip


class HeldTraining:
    """A training that is held in the middle of one of its iterations, from 1, until the gate is opened."""

    def __init__(self, folder: Path, iteration: int) -> None:
        self.folder, self.runs_dir = folder, folder / "runs"
        self.gate = Gate(folder, (iteration - 1) * STEPS + STEPS // 2)
        self.process = self.start(*WORDS, "--runs-dir", self.runs_dir)
        self.gate.wait_until_held(self.process)

    def start(self, *words: object) -> PpoProcess:
        """Another process, with the same module to import."""
        return PpoProcess(words, self.folder, import_from=self.folder)

    def send(self, signum: int) -> None:
        """Send a first signal, and wait until it has noticed."""
        self.process.send(signum)
        self.gate.wait_until_stopping(self.process)

    def end(self) -> Result:
        self.gate.open()
        return self.process.wait()

    @property
    def run(self) -> Path:
        (run,) = self.runs_dir.iterdir()
        return run

    def resume(self, *words: str) -> Result:
        """Go on with its run, by the words of a printed command if there are any."""
        return self.start(*(words or ("train", "--resume", str(self.run))), "--allow-import").wait()


def status(run: Path) -> Any:
    return json.loads((run / "summary.json").read_text())["status"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    training = HeldTraining(tmp_path_factory.mktemp("undisturbed"), 1)
    result = training.end()
    assert result.code == 0, result.stderr
    return outcome(training.run)


@pytest.mark.parametrize("iteration", [1, 5])
@pytest.mark.parametrize("signum", STOPS)
def test_a_signal_stops_with_a_checkpoint_and_the_printed_command_ends_with_the_same_bits(
    signum: signal.Signals, iteration: int, undisturbed: dict[str, object], tmp_path: Path
) -> None:
    training = HeldTraining(tmp_path, iteration)
    training.send(signum)
    result = training.end()
    assert result.code == STOPS[signum], result.stderr
    document = json.loads(result.stdout)
    assert [run["status"] for run in document["runs"]] == ["interrupted"] == [status(training.run)]
    assert document["runs"][0]["global_step"] == iteration * STEPS, "the iteration was ended"
    assert newest_checkpoint(training.run).iteration == iteration
    assert f"  {document['resume']}\n" in result.stderr
    assert training.resume(*shlex.split(document["resume"])[1:]).code == 0
    assert_same_outcome(training.run, undisturbed)


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_process_at_once_and_the_run_goes_on_from_its_checkpoint(
    second: signal.Signals, undisturbed: dict[str, object], tmp_path: Path
) -> None:
    training = HeldTraining(tmp_path, 2)
    training.send(signal.SIGINT)  # which lets the iteration go on
    training.process.send(second)
    result = training.process.wait()
    assert result.code == STOPS[second]
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert newest_checkpoint(training.run).iteration == 1, "it saved nothing more"
    assert status(training.run) == "training"
    training.gate.open()
    assert training.resume().code == 0
    assert_same_outcome(training.run, undisturbed)


def test_a_signal_to_the_processes_that_step_environments_too_still_saves(tmp_path: Path) -> None:
    """As a service manager or a batch system sends it: to every process of the job."""
    words = ["train", "--env", "LunarLander-v3", "--json", "--runs-dir", tmp_path / "runs"]
    words += ["--total-timesteps", 10**12]
    for setting in ("num_envs=16", "num_steps=8", "env_workers=1", "num_minibatches=2", "num_evals=0"):
        words += ["--set", setting]

    def newest() -> str:
        return max((path.name for path in (tmp_path / "runs").glob("*/checkpoints/it-*")), default="")

    process = PpoProcess(words, tmp_path)
    process.wait_until(newest)
    workers, before = process.children(), newest()
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    assert process.wait_until(lambda: newest() > before), "training goes on"
    process.send(signal.SIGTERM)
    result = process.wait()
    assert result.code == 143, result.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert status(run) == "interrupted"


# ---------------------------------------------------------------------- two processes on one run


def test_of_two_processes_on_one_run_the_second_is_told_who_the_first_is(
    undisturbed: dict[str, object], tmp_path: Path
) -> None:
    training = HeldTraining(tmp_path, 3)
    second = training.resume()
    assert second.code == 4
    assert f"process {training.process.pid} " in second.stderr and training.run.name in second.stderr
    assert training.end().code == 0
    assert_same_outcome(training.run, undisturbed)


def test_of_processes_that_resume_one_run_at_one_moment_one_wins_and_the_bits_are_the_same(
    undisturbed: dict[str, object], tmp_path: Path
) -> None:
    training = HeldTraining(tmp_path, 3)
    training.process.send(signal.SIGKILL)
    assert training.end().was_killed
    words = ("train", "--resume", training.run, "--allow-import")
    rivals = [training.start(*words) for _ in range(4)]
    results = [rival.wait() for rival in rivals]
    codes = sorted(result.code for result in results)
    assert codes[0] == 0, [result.stderr for result in results]
    assert set(codes) <= {0, 2, 4}, "one after the other, or too late, or locked"
    assert_same_outcome(training.run, undisturbed)
