"""T9. Several processes on one name at one moment: one writes, the others say who it is."""

from __future__ import annotations

import functools
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.cli_runner import Result
from helpers.ppo_process import PpoProcess
from helpers.run_outcome import assert_same_outcome, outcome
from helpers.small_runs import config_of, start

from ppo_cli.runs.run_dir import list_runs
from torture.operations import COMMANDS as SMALL_COMMANDS
from torture.unit import Landed, Units, Work, checked

RIVALS = 3
PER_UNIT, NUM_UNITS = 10, {"new run": 8, "resumed run": 8, "preference set": 4, "sweep": 4}
SMALL = ("CartPole-v1", "normalize_obs=true", "tensorboard=true", "engine=compiled")


def together(words: list[object], folder: Path, rng: random.Random) -> list[Result]:
    """Start a command several times, at one moment or almost; how each ended."""
    processes = []
    for _ in range(RIVALS):
        processes.append(PpoProcess(words, folder))
        time.sleep(rng.choice((0, 0, rng.uniform(0, 0.05))))
    return [process.wait() for process in processes]


def answers(results: list[Result], allowed: set[int]) -> list[Result]:
    """Those that did the work; the others were refused in a sentence."""
    for result in results:
        said = f"{result.code}: {result.stdout[-200:]} {result.stderr[-300:]}"
        assert result.code in allowed and "Traceback" not in result.stderr, said
    done = [result for result in results if result.code == 0]
    assert done, [result.stderr[-200:] for result in results]
    return done


def new_run(rng: random.Random, folder: Path, expected: Any) -> None:
    """One of them makes the run of this name, whoever is first."""
    config = folder.parent / "config.yaml"
    words = ["train", "--config", config, "--name", "mine", "--runs-dir", folder / "runs"]
    done = answers(together(words, folder, rng), {0, 2, 4})
    assert len(done) == 1, "one name, one winner"
    (run,) = list_runs(folder / "runs")
    assert_same_outcome(run.path, expected)


def resumed_run(rng: random.Random, folder: Path, expected: Any) -> None:
    """All go on with one run: one after the other, too late, or locked out."""
    shutil.copytree(folder.parent / "stopped", folder / "runs")
    (run,) = list_runs(folder / "runs")
    answers(together(["train", "--resume", run.path], folder, rng), {0, 2, 4})
    assert_same_outcome(run.path, expected)


def by_command(name: str) -> Callable[[random.Random, Path, Any], None]:
    """All make a sweep, or a preference set: each line and each point is there once."""
    command = SMALL_COMMANDS[name]

    def race(rng: random.Random, folder: Path, expected: Any) -> None:
        answers(together([*command.words, "--runs-dir", folder / "runs"], folder, rng), {0, 4})
        command.same(folder, expected)

    return race


RACES: dict[str, Callable[[random.Random, Path, Any], None]] = {
    "new run": new_run,
    "resumed run": resumed_run,
    "preference set": by_command("prefer"),
    "sweep": by_command("sweep"),
}


def expected_of(case: str, folder: Path) -> Any:
    """What comes of it when one process is alone."""
    if case in ("preference set", "sweep"):
        command = SMALL_COMMANDS["prefer" if case == "preference set" else "sweep"]
        result = PpoProcess([*command.words, "--runs-dir", folder / "runs"], folder).wait()
        assert result.code == 0, result.stderr
        return command.outcome(folder)
    config = config_of(*SMALL)
    run = start(config, folder / "undisturbed")
    shutil.copy(run.path / "config.yaml", folder / "config.yaml")
    start(config, folder / "stopped", stop_at=3)
    return outcome(run.path)


def run(case: str, seed: int, folder: Path) -> Landed:
    """Several races."""
    expected, landed = expected_of(case, folder), Landed()
    for number in range(PER_UNIT):
        here = folder / f"race-{number}"
        here.mkdir()
        what, rng = f"{case} {seed}, number {number}", random.Random(f"{case} {seed} {number}")
        checked(landed, what, functools.partial(RACES[case], rng, here, expected))
        shutil.rmtree(here, ignore_errors=True)
    return landed


def units(quick: bool) -> Units:
    """Kinds of races in turn."""
    for seed in range(1, 2 if quick else max(NUM_UNITS.values()) + 1):
        yield from ((case, seed) for case, count in NUM_UNITS.items() if seed <= count)


TWO_WRITERS = Work(units, run)
