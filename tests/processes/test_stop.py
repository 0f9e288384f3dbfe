"""Signals, and two processes on one run."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from pathlib import Path

import pytest
from helpers.ppo_process import PpoProcess
from helpers.run_outcome import assert_same_outcome, newest_checkpoint, outcome

WORDS = (
    "train", "--env", "CartPole-v1", "--json", "--set", "normalize_obs=true", "--set", "num_evals=0",
    "--set", "num_epochs=1", "--set", "num_minibatches=2", "--set", "hidden_sizes=[8]",
)  # fmt: skip
STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def start(runs_dir: Path, *, iterations: int = 150, num_steps: int = 16, warm: bool = True) -> PpoProcess:
    """A training that takes a second or so; with a large ``num_steps`` each iteration does."""
    steps = 4 * num_steps * iterations
    words = [*WORDS, "--runs-dir", runs_dir, "--set", "num_envs=4", "--set", f"num_steps={num_steps}"]
    return PpoProcess([*words, "--total-timesteps", steps], runs_dir.parent, warm=warm)


def run_of(runs_dir: Path) -> Path:
    (run,) = runs_dir.iterdir()
    return run


def has_checkpoint(runs_dir: Path) -> bool:
    return any(runs_dir.glob("*/checkpoints/it-*"))


def status(run: Path) -> str:
    found: str = json.loads((run / "summary.json").read_text())["status"]
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    runs_dir = tmp_path_factory.mktemp("undisturbed") / "runs"
    assert start(runs_dir).wait().code == 0
    return outcome(run_of(runs_dir))


@pytest.mark.parametrize("signum", STOPS)
def test_a_signal_stops_with_a_checkpoint_and_the_printed_command_ends_with_the_same_bits(
    signum: signal.Signals, undisturbed: dict[str, object], tmp_path: Path
) -> None:
    for attempt in range(5):  # on a busy machine the signal may come when the run has ended
        runs_dir = tmp_path / f"runs-{attempt}"
        process = start(runs_dir)
        process.wait_until(lambda: has_checkpoint(runs_dir))  # noqa: B023 - called here and now
        process.send(signum)
        result = process.wait()
        if result.code:
            break
    assert result.code == STOPS[signum], result.err
    document = json.loads(result.out)
    run = run_of(runs_dir)
    assert [entry["status"] for entry in document["runs"]] == ["interrupted"] == [status(run)]
    assert newest_checkpoint(run).iteration * 64 == document["runs"][0]["global_step"]
    assert f"  {document['resume']}\n" in result.err
    assert PpoProcess(shlex.split(document["resume"])[1:], tmp_path).wait().code == 0
    assert_same_outcome(run, undisturbed)


def test_a_signal_before_the_first_iteration_is_done_loses_nothing(
    undisturbed: dict[str, object], tmp_path: Path
) -> None:
    process = start(tmp_path / "runs")
    process.wait_until(lambda: any((tmp_path / "runs").glob("*/config.yaml")), poll=0)
    process.send(signal.SIGTERM)
    result = process.wait()
    assert result.code == 143, result.err
    words = shlex.split(json.loads(result.out)["resume"])[1:]
    assert PpoProcess(words, tmp_path).wait().code == 0
    assert_same_outcome(run_of(tmp_path / "runs"), undisturbed)


LONG_ITERATIONS = {"iterations": 3, "num_steps": 4000}


@pytest.fixture(scope="module")
def undisturbed_long(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    runs_dir = tmp_path_factory.mktemp("undisturbed") / "runs"
    assert start(runs_dir, **LONG_ITERATIONS).wait().code == 0
    return outcome(run_of(runs_dir))


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_process_at_once_and_the_run_goes_on_from_its_checkpoint(
    second: signal.Signals, undisturbed_long: dict[str, object], tmp_path: Path
) -> None:
    process = start(tmp_path / "runs", **LONG_ITERATIONS)
    process.wait_until(lambda: "%" in process.progress)  # it is in its second iteration
    process.send(signal.SIGINT)
    time.sleep(0.02)
    assert process.alive, "the first signal lets the iteration end"
    process.send(second)
    result = process.wait()
    assert result.code == STOPS[second]
    assert result.out == "" and "Traceback" not in result.err
    run = run_of(tmp_path / "runs")
    assert newest_checkpoint(run).iteration == 1 and status(run) == "training", "it saved nothing more"
    assert PpoProcess(["train", "--resume", run], tmp_path).wait().code == 0
    assert_same_outcome(run, undisturbed_long)


# ---------------------------------------------------------------------- two processes on one run


def test_of_two_processes_on_one_run_the_second_is_told_who_the_first_is(
    undisturbed: dict[str, object], tmp_path: Path
) -> None:
    first = start(tmp_path / "runs")
    first.wait_until(lambda: has_checkpoint(tmp_path / "runs"))
    run = run_of(tmp_path / "runs")
    os.kill(first.pid, signal.SIGSTOP)  # for as long as the second needs
    second = PpoProcess(["train", "--resume", run], tmp_path).wait()
    os.kill(first.pid, signal.SIGCONT)
    assert second.code == 4
    assert f"process {first.pid} " in second.err and run.name in second.err
    assert first.wait().code == 0
    assert_same_outcome(run, undisturbed)


def test_of_processes_that_resume_one_run_at_one_moment_one_wins_and_the_bits_are_the_same(
    undisturbed: dict[str, object], tmp_path: Path
) -> None:
    first = start(tmp_path / "runs")
    first.wait_until(lambda: has_checkpoint(tmp_path / "runs"))
    first.send(signal.SIGKILL)
    assert first.wait().was_killed
    run = run_of(tmp_path / "runs")
    rivals = [PpoProcess(["train", "--resume", run], tmp_path) for _ in range(4)]
    results = [rival.wait() for rival in rivals]
    codes = sorted(result.code for result in results)
    assert codes[0] == 0, [result.err for result in results]
    assert set(codes) <= {0, 2, 4}, "one after the other, or too late, or locked"
    assert_same_outcome(run, undisturbed)


def test_a_signal_to_the_processes_that_step_environments_too_still_saves(tmp_path: Path) -> None:
    """As a service manager or a batch system sends it: to every process of the job."""
    words = ["train", "--env", "LunarLander-v3", "--json", "--runs-dir", tmp_path / "runs"]
    for setting in ("num_envs=16", "num_steps=8", "env_workers=1", "num_minibatches=2", "num_evals=0"):
        words += ["--set", setting]
    process = PpoProcess(words, tmp_path)
    process.wait_until(lambda: has_checkpoint(tmp_path / "runs"))
    workers = process.children()
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    time.sleep(0.3)  # they come first
    process.send(signal.SIGTERM)
    result = process.wait()
    assert result.code == 143, result.err
    assert status(run_of(tmp_path / "runs")) == "interrupted"
