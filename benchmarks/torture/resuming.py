"""T14. A stop after every iteration, and going on: the bits of the run that was never stopped."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Any

from helpers.run_outcome import assert_same_outcome, outcome
from helpers.small_runs import EXPERIMENTS, config_of, resume, start

from ppo_cli.config.schema import RunConfig
from torture.unit import Landed, Units, Work, checked

ITERATIONS = 30
ENGINES = ("compiled", "torch")


def run(case: str, seed: int, folder: Path) -> Landed:
    """Stop a small run after each of its iterations, and once after all of them."""
    name, _, engine = case.rpartition(" by ")
    env, settings = EXPERIMENTS[name]
    config = config_of(env, f"engine={engine}", *settings, iterations=ITERATIONS, seed=seed)
    expected, landed = outcome(start(config, folder / "undisturbed").path), Landed()
    for k in range(1, ITERATIONS):
        here = folder / f"stopped-{k}"
        checked(landed, f"{case}, after iteration {k}", functools.partial(stopped, config, here, expected, k))
        shutil.rmtree(here, ignore_errors=True)
    checked(landed, f"{case}, after each", functools.partial(stopped_each_time, config, folder, expected))
    return landed


def stopped(config: RunConfig, here: Path, expected: dict[str, Any], k: int) -> None:
    """Once."""
    run = start(config, here, stop_at=k)
    assert resume(run).members[0].status == "completed"
    assert_same_outcome(run.path, expected)


def stopped_each_time(config: RunConfig, here: Path, expected: dict[str, Any]) -> None:
    """After each iteration of one run."""
    run = start(config, here / "each", stop_at=1)
    for _ in range(ITERATIONS - 2):
        resume(run, stop_after=1)
    resume(run)
    assert_same_outcome(run.path, expected)


def units(quick: bool) -> Units:
    """Every experiment, by both engines."""
    for name in list(EXPERIMENTS)[: 2 if quick else None]:
        for engine in ENGINES:
            yield f"{name} by {engine}", 1


RESUMING = Work(units, run)
