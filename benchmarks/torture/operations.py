"""T2 and T3. Every file operation of a training, a sweep and a preference set: death there, or an error.

The operations of an undisturbed command are counted; then each of them is the last one, or fails, in a
command of its own. The same command again (or ``--resume``) must end as the undisturbed one did.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from helpers.cli_runner import TINY, Result, inside
from helpers.file_faults import Faults, Killed
from helpers.run_outcome import assert_same_outcome, outcome
from helpers.sweep_helpers import sweep_files, train_in_process

from ppo_cli.learn import trainer
from ppo_cli.runs.run_dir import list_runs
from torture.unit import Landed, Units, Work, checked

NOBODY = 2**22 + 1  # no process has a number so large
SHARES = 8  # of the operations: a unit each
DEATHS = ("dies before and after", "dies in the middle of a write", *(f"loses power {n}" for n in (1, 2, 3)))
ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EROFS", "EACCES", "EMFILE")


# ---------------------------------------------------------------------- commands


@dataclass(frozen=True)
class Command:
    """A command whose every operation is tried.

    Attributes:
        words: The command line.
        again: The command line that goes on, told the folder it ran in.
        outcome: What it came to, told the folder; raises where something is missing or half written.
        same: Compares that with the undisturbed one.
    """

    words: tuple[str, ...]
    again: Callable[[Path], tuple[str, ...]]
    outcome: Callable[[Path], Any]
    same: Callable[[Path, Any], None]


TRAIN = (
    "train", *TINY, "--json", "--total-timesteps", "192", "--set", "normalize_obs=true",
    "--set", "num_evals=2", "--set", "tensorboard=true", "--set", "keep_policies=2",
)  # fmt: skip
SWEEP = (
    "sweep", "--env", "CartPole-v1", "--json", "--param", "learning_rate=0.001,0.03", "--seeds", "1",
    "--confirm", "1", "--workers", "1", "--set", "total_timesteps=128", "--set", "num_envs=2",
    "--set", "num_steps=32", "--set", "num_minibatches=2", "--set", "num_evals=1",
    "--set", "eval_episodes=2", "--set", "final_eval_episodes=2", "--set", "hidden_sizes=[8]", "--quiet",
)  # fmt: skip
PREFER = ("prefer", "--env", "CartPole-v1", "--random", "--name", "mine", "--json", "--pairs", "40")


def train_again(folder: Path) -> tuple[str, ...]:
    """Resume the run if there is one that is not done."""
    runs = list_runs(folder / "runs")
    return ("train", "--resume", str(runs[0].path), "--json") if runs else TRAIN


def run_outcome(folder: Path) -> Any:
    """Of the only run."""
    (run,) = list_runs(folder / "runs")
    return outcome(run.path)


def same_run(folder: Path, expected: Any) -> None:
    """The only run, to the bit."""
    (run,) = list_runs(folder / "runs")
    assert_same_outcome(run.path, expected)


def sweep_outcome(folder: Path) -> Any:
    """Of all runs of the only sweep, and its table."""
    (sweep,) = [path.parent for path in (folder / "runs").glob("*/sweep.yaml")]
    files = sweep_files(sweep) | {
        "names": sorted(path.name for path in sweep.iterdir() if path.name != "logs")
    }
    return files | {"sweep.yaml": (sweep / "sweep.yaml").read_bytes()}


def prefer_outcome(folder: Path) -> Any:
    """All bytes of the set."""
    files = sorted((folder / "runs" / "mine").rglob("*"))
    return {path.name: path.read_bytes() for path in files if path.is_file() and path.name != ".lock"}


def equal(find: Callable[[Path], Any]) -> Callable[[Path, Any], None]:
    """Compare by equality, and say which parts differ."""

    def compare(folder: Path, expected: Any) -> None:
        found = find(folder)
        different = [key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)]
        assert not different, f"differs in {sorted(different)}"

    return compare


COMMANDS = {
    "train": Command(TRAIN, train_again, run_outcome, same_run),
    "sweep": Command(SWEEP, lambda _: SWEEP, sweep_outcome, equal(sweep_outcome)),
    "prefer": Command(PREFER, lambda _: PREFER, prefer_outcome, equal(prefer_outcome)),
}


@contextlib.contextmanager
def in_this_process() -> Iterator[None]:
    """Sweeps train here, and each iteration saves a checkpoint: the operations are always the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "CHECKPOINT_SHARE", float("inf"))
        train_in_process(patch)
        yield


def undisturbed(command: Command, folder: Path) -> tuple[Any, int]:
    """What a command comes to, and how many operations it takes."""
    for name in ("first", "undisturbed"):  # what is opened once in a process is opened in the first
        (folder / name).mkdir()
        with Faults().installed() as counted:
            result = inside(*command.words, cwd=folder / name)
        assert result.code == 0, result.stderr
    return command.outcome(folder / "undisturbed"), counted.count


# ---------------------------------------------------------------------- faults


def die(command: Command, how: str, at: int, folder: Path) -> bool:
    """Kill a command at an operation; whether it got so far."""
    power = random.Random(f"{how} {at}") if "power" in how else None
    faults = Faults(at, torn="middle" in how, power_loss=power)
    with (
        faults.installed(),
        contextlib.suppress(Killed),
        mock.patch.object(os, "getpid", lambda: NOBODY),  # it is dead for those that come later
    ):
        inside(*command.words, cwd=folder)
    return faults.count >= at


def fail(command: Command, how: str, at: int, folder: Path) -> Result | None:
    """Let an operation fail once; what the command says, or None if it did not get so far."""
    faults = Faults(at, error=getattr(errno, how))
    with faults.installed():
        result = inside(*command.words, cwd=folder)
    return result if faults.count >= at else None


def goes_on(command: Command, expected: Any, folder: Path, result: Result | None = None) -> None:
    """After a fault: what was said is right, and the command that goes on comes to the same."""
    if result is not None:
        said = f"{result.code}: {result.stdout[-300:]} {result.stderr[-300:]}"
        assert result.code in (0, 2, 5, 6, 74), said
        assert "Traceback" not in result.stderr and "this is a bug" not in result.stdout + result.stderr, said
        if result.code == 0:
            command.same(folder, expected)
    words = command.again(folder)
    again = inside(*words, cwd=folder)
    is_done = again.code == 2 and "complete" in again.stdout + again.stderr
    assert again.code == 0 or is_done, (
        f"{words[:3]}: {again.code}: {again.stdout[-300:]} {again.stderr[-300:]}"
    )
    command.same(folder, expected)
    left = [path.relative_to(folder) for path in folder.rglob("*") if "tmp" in path.name]
    assert not left, f"it left {[str(path) for path in left]}"


def run(case: str, share: int, folder: Path) -> Landed:
    """A share of the operations of a command: every eighth."""
    name, _, how = case.partition(" ")
    command, landed = COMMANDS[name], Landed()
    with in_this_process():
        expected, count = undisturbed(command, folder)
        for at in range(share, count + 2, SHARES):
            here = folder / f"at-{at}"
            here.mkdir()
            result = None
            if how in ERRORS:
                result = fail(command, how, at, here)
                reached = result is not None
            else:
                reached = die(command, how, at, here)
            if reached:
                what = f"{case}, operation {at} of {count}"
                checked(landed, what, functools.partial(goes_on, command, expected, here, result))
            shutil.rmtree(here)
    landed.measured["operations"] = count
    return landed


def units_of(ways: tuple[str, ...]) -> Callable[[bool], Units]:
    """Each command, each way, all operations."""

    def units(quick: bool) -> Units:
        for name in COMMANDS:
            for how in ways:
                for share in range(1, 2 if quick else SHARES + 1):
                    yield f"{name} {how}", share

    return units


DEATH_AT_OPERATIONS = Work(units_of(DEATHS), run)
FAILING_OPERATIONS = Work(units_of(ERRORS), run)
