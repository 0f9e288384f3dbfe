"""T12. Signals at random moments: a checkpoint, the promised exit code, and the same bits afterwards."""

from __future__ import annotations

import functools
import itertools
import random
import shutil
import signal
import time
from pathlib import Path

from helpers.cli_runner import Result
from helpers.ppo_process import PpoProcess
from helpers.run_outcome import assert_same_outcome
from helpers.sweep_process import kill
from processes import test_kill as training

from ppo_cli.runs.run_dir import RunDir, list_runs
from torture.kills import KILLED
from torture.unit import Landed, Work, checked, seed_by_seed

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
PER_UNIT, NUM_UNITS = 20, 4
CASES = ("cartpole", "pendulum normalised", "lander in two processes", "ppo-kl", "kept policies")


class Signaller:
    """Sends signals at random moments.

    Args:
        rng: The moments.
        seconds: How long an undisturbed run takes.
    """

    def __init__(self, rng: random.Random, seconds: float) -> None:
        self.rng, self.seconds, self.landed = rng, seconds, 0

    def strike(self, process: PpoProcess, runs_dir: Path) -> tuple[str, Result]:
        """Signal a process in one way or another; which, and how it ended."""
        time.sleep(self.rng.uniform(0, self.seconds / 3))
        signum = self.rng.choice(list(CODES))
        how = self.rng.choice(("once", "once", "twice", "while held", "while files are written", "to all"))
        if how == "while files are written":
            process.wait_until(lambda: training.is_being_written(runs_dir), poll=0)
        if not any(runs_dir.glob("*/checkpoints/it-*")):
            process.wait_until(lambda: any(runs_dir.glob("*/metrics.csv")))  # handlers stand by then
        self.landed += process.alive
        if how == "while held":
            process.send(signal.SIGTSTP)
            time.sleep(0.01)
        children = process.children() if how == "to all" else []
        process.send(signum)
        for pid in children:
            kill(pid, signum)
        if how == "twice":
            time.sleep(self.rng.uniform(0, 0.05))
            process.send(signum)
        if how == "while held":
            process.send(signal.SIGCONT)
        result = process.wait()
        if result.code == 0:
            self.seconds *= 0.8
        return f"{signum.name} {how}", result


def stopped(how: str, result: Result) -> None:
    """It ended as it should."""
    name = how.split()[0]
    codes = {0, CODES[signal.Signals[name]]}
    said = f"{how}: {result.code}: {result.stderr[-300:]}"
    assert result.code in codes, said
    assert "Traceback" not in result.stderr and "this is a bug" not in result.stderr, said


def resumed_to_the_end(run: RunDir, folder: Path, expected: dict[str, object]) -> None:
    """It ends with the same bits."""
    if not training.is_complete(run):
        result = PpoProcess(["train", "--resume", run.path], folder).wait()
        assert result.code == 0, result.stderr[-300:]
    assert_same_outcome(run.path, expected)


def run(name: str, seed: int, folder: Path) -> Landed:
    """Signal a training, resume it, signal it again, until it is done; then the next."""
    case, landed = KILLED[name], Landed()
    expected = training.undisturbed(case, folder / "undisturbed")
    signaller = Signaller(random.Random(f"{name} {seed}"), expected.seconds)
    for attempt in itertools.count():
        here = folder / f"attempt-{attempt}"
        here.mkdir()
        words, runs_dir = case.words(here / "runs"), here / "runs"
        for _ in range(8):
            how, result = signaller.strike(PpoProcess(words, here), runs_dir)
            what = f"{name} {seed}, attempt {attempt}: {how}"
            checked(landed, what, functools.partial(stopped, how, result))
            if result.code == 0 or not (runs := list_runs(runs_dir)) or training.is_complete(runs[0]):
                break
            words = ["train", "--resume", str(runs[0].path), "--json"]
        for one in list_runs(runs_dir):
            try:
                resumed_to_the_end(one, here, expected.outcomes[0])
            except AssertionError as error:
                landed.failures.append(f"{name} {seed}, attempt {attempt}, resumed: {error}"[:600])
        shutil.rmtree(here, ignore_errors=True)
        if signaller.landed >= PER_UNIT or len(landed.failures) > 3 or attempt > PER_UNIT:
            break
    landed.count = signaller.landed
    return landed


SIGNALS = Work(seed_by_seed(CASES, NUM_UNITS), run)
