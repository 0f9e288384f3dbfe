"""``kill -9`` at random moments: a resumed run ends with the bits of the undisturbed one."""

from __future__ import annotations

import functools
import itertools
import random
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import Result
from helpers.ppo_process import PpoProcess, is_running
from helpers.run_outcome import assert_same_outcome, newest_checkpoint, outcome
from helpers.sweep_process import paths_of
from helpers.waiting import wait_until

from ppo_cli.runs.run_dir import RunDir, list_runs

SMALL = (
    "num_envs=4", "num_steps=16", "num_epochs=2", "num_minibatches=2", "hidden_sizes=[8]",
    "num_evals=8", "eval_episodes=2", "final_eval_episodes=3",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An experiment to be killed."""

    name: str
    env: str
    iterations: int
    settings: tuple[str, ...] = ()
    seeds: int = 1

    def words(self, runs_dir: Path, iterations: int | None = None) -> list[str]:
        """The command line that trains it."""
        words = [
            "train",
            "--json",
            "--runs-dir",
            str(runs_dir),
            "--env",
            self.env,
            "--seeds",
            str(self.seeds),
        ]
        for setting in (*SMALL, *self.settings):
            words += ["--set", setting]
        return [*words, "--total-timesteps", str(64 * (iterations or self.iterations))]


CASES = {
    case.name: case
    for case in (
        Case("cartpole", "CartPole-v1", 150, ("target_kl=0.01", "tensorboard=true")),
        Case("cartpole by torch", "CartPole-v1", 80, ("engine=torch", "normalize_obs=true")),
        Case("cartpole normalised", "CartPole-v1", 150, ("normalize_obs=true", "anneal_eps_clip=true")),
        Case("pendulum", "Pendulum-v1", 80, ("log_std_init=-0.5", "eps_clip_vf=0.2")),
        Case("pendulum normalised", "Pendulum-v1", 80, ("normalize_obs=true", "mode=log")),
        Case("lander", "LunarLander-v3", 60, ("eval_episodes=1",)),
        Case(
            "lander shaped",
            "LunarLander-v3",
            60,
            ("normalize_obs=true", "mode=potential", "distance=50", "angle=20", "eval_episodes=1"),
        ),
        Case(
            "lander in two processes", "LunarLander-v3", 60, ("num_envs=16", "num_steps=4", "env_workers=1")
        ),
        Case("three seeds", "CartPole-v1", 100, ("normalize_obs=true",), seeds=3),
    )
}
TEMPORARY = ("checkpoints/.tmp-*", ".*.tmp")


@dataclass
class Undisturbed:
    """What a case comes to when nobody kills it, and how many seconds that takes."""

    outcomes: list[dict[str, Any]]
    seconds: float


@functools.cache
def undisturbed(case: Case, folder: Path) -> Undisturbed:
    folder.mkdir()
    started = time.monotonic()
    result = PpoProcess(case.words(folder / "runs"), folder).wait()
    assert result.code == 0, result.stderr
    return Undisturbed([outcome(run.path) for run in list_runs(folder / "runs")], time.monotonic() - started)


class Killer:
    """Kills at random moments; every other kill is aimed at files being written.

    Args:
        rng: The moments.
        seconds: How long an undisturbed run takes; a kill comes within a third of that. One that lands lets
            the next ones come later, one that comes too late sooner, so they follow the machine's speed.
    """

    def __init__(self, rng: random.Random, seconds: float) -> None:
        self.rng = rng
        self.seconds = seconds
        self.landed = 0

    def strike(self, process: PpoProcess, runs_dir: Path) -> Result:
        """Kill a process, if it lives until then."""
        time.sleep(self.rng.uniform(0, self.seconds / 3))
        if self.rng.random() < 0.5:
            process.wait_until(lambda: is_being_written(runs_dir), poll=0)
        children = process.children()
        process.send(signal.SIGKILL)
        result = process.wait()
        self.landed += result.was_killed
        self.seconds *= 1.1 if result.was_killed else 0.7
        wait_until(lambda: not any(map(is_running, children)), "the end of the processes that it started")
        assert result.was_killed or result.code == 0, result.stderr
        return result


def is_being_written(runs_dir: Path) -> bool:
    """Whether a file or a checkpoint is under its temporary name at this moment."""
    return any(paths_of(run.path, pattern) for run in list_runs(runs_dir) for pattern in TEMPORARY)


def kill_and_resume(case: Case, folder: Path, killer: Killer, kills: int, *, warm: bool = True) -> Path:
    """Train a case and kill it until it is done, or left in peace after ``kills``; its runs directory."""
    folder.mkdir()
    runs_dir = folder / "runs"
    words, done = case.words(runs_dir), [0] * case.seeds
    while True:
        process = PpoProcess(words, folder, warm=warm)
        result = killer.strike(process, runs_dir) if killer.landed < kills else process.wait()
        if result.code == 0:
            return runs_dir
        assert result.was_killed, result.stderr
        runs = list_runs(runs_dir)
        if len(runs) == case.seeds and all(is_complete(run) for run in runs):
            return runs_dir  # killed on its last breath
        if len(runs) == case.seeds:
            words = ["train", "--runs-dir", str(runs_dir), "--json"]
            words += [word for run in runs for word in ("--resume", run.name)]
            before, done = done, [iterations_done(run) for run in runs]
            assert min(done) >= min(before)  # a run that was ahead of the others goes back to them
        else:
            done = [0] * case.seeds
            shutil.rmtree(runs_dir, ignore_errors=True)  # killed before there was a run to resume


def iterations_done(run: RunDir) -> int:
    has_checkpoint = any(run.checkpoints_path.glob("it-*"))
    return newest_checkpoint(run.path).iteration if has_checkpoint else 0


def is_complete(run: RunDir) -> bool:
    return (run.read_summary() or {}).get("status") == "completed"


def torture(case: Case, tmp_path: Path, *, kills: int, seed: int, warm: bool = True) -> None:
    """Kill runs of a case ``kills`` times in all; each must end as the undisturbed one did."""
    expected = undisturbed(case, tmp_path / "undisturbed")
    killer = Killer(random.Random(seed), expected.seconds)
    for attempt in itertools.count():
        runs_dir = kill_and_resume(case, tmp_path / f"attempt-{attempt}", killer, kills, warm=warm)
        runs = list_runs(runs_dir)
        assert len(runs) == case.seeds
        for run, wanted in zip(runs, expected.outcomes, strict=True):
            assert_same_outcome(run.path, wanted)
        if killer.landed >= kills:
            break


@pytest.mark.parametrize("name", CASES)
def test_killed_runs_end_with_the_bits_of_the_undisturbed_one(name: str, tmp_path: Path) -> None:
    torture(CASES[name], tmp_path, kills=6, seed=20)


def test_a_killed_command_line_of_its_own_interpreter_ends_with_the_same_bits(tmp_path: Path) -> None:
    torture(CASES["cartpole"], tmp_path, kills=2, seed=7, warm=False)


@pytest.mark.torture
@pytest.mark.parametrize("name", CASES)
def test_two_hundred_kills_lose_nothing(name: str, tmp_path: Path) -> None:
    torture(CASES[name], tmp_path, kills=30, seed=11)
