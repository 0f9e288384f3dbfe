"""T16. Many runs are made at one moment, and the clock jumps."""

from __future__ import annotations

import functools
import multiprocessing
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from helpers.cli_runner import TINY, inside
from helpers.run_outcome import assert_same_outcome, outcome
from helpers.small_runs import config_of, resume, start

from ppo_cli.config.dump import dump_config
from ppo_cli.runs.run_dir import create_run_dir, list_runs
from torture.unit import Landed, Work, checked, seed_by_seed

PROCESSES, EACH = 10, 100
HOUR, YEAR = 3600.0, 365 * 86400.0


def make_many(runs_dir: str, text: str, begin: Any) -> None:
    """Make runs of one name as fast as one can, when all are ready."""
    begin.wait()
    for _ in range(EACH):
        create_run_dir(runs_dir, "CartPole-v1-ppo-clip-s1", config=text)


def storm(seed: int, folder: Path) -> Landed:
    """A thousand folders of one name, by ten processes at once."""
    text, landed = dump_config(config_of("CartPole-v1")), Landed()
    context = multiprocessing.get_context("fork")
    begin = context.Barrier(PROCESSES + 1)
    makers = [
        context.Process(target=make_many, args=(str(folder / "runs"), text, begin)) for _ in range(PROCESSES)
    ]
    for maker in makers:
        maker.start()
    begin.wait()
    began = time.monotonic()
    for maker in makers:
        maker.join()
    landed.measured["seconds_for_all"] = round(time.monotonic() - began, 2)
    names = {path.name for path in (folder / "runs").iterdir()}
    wanted = {"CartPole-v1-ppo-clip-s1"} | {
        f"CartPole-v1-ppo-clip-s1-{n}" for n in range(2, PROCESSES * EACH + 1)
    }
    landed.count = PROCESSES * EACH
    if any(maker.exitcode for maker in makers):
        landed.failures.append(f"exit codes {[maker.exitcode for maker in makers]}")
    if names != wanted:
        landed.failures.append(f"{len(names)} folders, {sorted(names ^ wanted)[:5]}")
    if len(list_runs(folder / "runs")) != landed.count:
        landed.failures.append("not every folder is a run")
    for path in sorted((folder / "runs").iterdir()):
        if (path / "config.yaml").read_text() != text:
            landed.failures.append(f"{path.name} has other settings")
    return landed


def clock(seed: int, folder: Path) -> Landed:
    """The clock jumps while runs are trained, stopped, resumed and listed."""
    rng, landed = random.Random(f"clock {seed}"), Landed()
    config = config_of("CartPole-v1", "normalize_obs=true", "tensorboard=true")
    expected = outcome(start(config, folder / "undisturbed").path)
    for number in range(20):
        here = folder / f"runs-{number}"
        jump = rng.choice((-HOUR, -YEAR, HOUR, YEAR, -40 * YEAR, 60 * YEAR))
        what = f"clock {seed}, number {number}: {jump:+.0f} s"
        checked(landed, what, functools.partial(jumping, config, here, expected, jump, rng))
        shutil.rmtree(here, ignore_errors=True)
    return landed


def jumping(config: Any, here: Path, expected: dict[str, Any], jump: float, rng: random.Random) -> None:
    """A run whose clock jumps somewhere in the middle, and again when it is resumed."""
    with jumped(jump, rng.randrange(1, 30)):
        run = start(config, here, stop_at=3)
    with jumped(-jump, rng.randrange(1, 30)):
        resume(run)
    assert_same_outcome(run.path, expected)
    with jumped(jump, 0):
        for words in (("list",), ("show", "latest"), ("train", *TINY, "--quiet")):
            result = inside(*words, "--runs-dir", str(here), cwd=here)
            assert result.code == 0 and "Traceback" not in result.stderr, (
                f"{words[0]}: {result.stderr[-300:]}"
            )


def jumped(seconds: float, after: int) -> Any:
    """The wall clock is wrong from a number of questions on; clocks that only measure are right."""
    asked, real = [0], {name: getattr(time, name) for name in ("time", "time_ns")}

    def wrong(name: str, unit: float) -> Callable[[], Any]:
        def tell() -> Any:
            asked[0] += 1
            now = real[name]()
            return now + type(now)(seconds * unit) if asked[0] > after else now

        return tell

    return mock.patch.multiple(time, time=wrong("time", 1), time_ns=wrong("time_ns", 1e9))


def run(case: str, seed: int, folder: Path) -> Landed:
    """One of both."""
    return storm(seed, folder) if case == "storm" else clock(seed, folder)


STORM = Work(seed_by_seed(["storm", "clock"], 5), run)
