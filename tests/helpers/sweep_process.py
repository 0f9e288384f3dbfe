"""A small ``ppo sweep`` in a process of its own, its workers, and everything that it comes to."""

from __future__ import annotations

import contextlib
import csv
import functools
import glob
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.cli_runner import inside
from helpers.ppo_process import PpoProcess, is_running
from helpers.run_outcome import outcome
from helpers.sweep_helpers import train_in_process
from helpers.waiting import PATIENCE
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.sweeps.folder.sweep_dir import SweepDir, list_sweeps

SMALL = (
    "num_envs=4", "num_steps=16", "num_epochs=2", "num_minibatches=2", "hidden_sizes=[8]", "num_evals=8",
    "eval_episodes=2", "final_eval_episodes=3",
)  # fmt: skip
EVERY_ALGORITHM = (
    "num_envs=8", "num_steps=8", "hidden_sizes=[8]", "num_evals=4", "eval_episodes=2",
    "final_eval_episodes=3", "env_kwargs={max_episode_steps: 8}",
)  # fmt: skip
STEPS = 64  # of an iteration
TEMPORARY = (
    ".*.tmp",
    "*/.*.tmp",
    "*/checkpoints/.tmp-*",
    "held-out/*/.*.tmp",
    "held-out/*/checkpoints/.tmp-*",
)
_CLOCK_FIELDS = frozenset({"wall_time"})
_POINT_STATE = ("env_id", "objective", "status", "search", "params", "sentence", "steps")


@dataclass(frozen=True)
class Sweep:
    """A small sweep."""

    params: tuple[str, ...] = ("learning_rate=0.001,0.003",)
    seeds: int = 2
    iterations: int = 120
    options: tuple[str, ...] = ("--confirm", "1")
    settings: tuple[str, ...] = ()
    small: tuple[str, ...] = SMALL
    quiet: bool = True
    env: str = "CartPole-v1"

    def words(self, runs_dir: Path) -> list[str]:
        """The command line that trains it."""
        words = ["sweep", "--json", "--runs-dir", str(runs_dir), "--env", self.env, "--workers", "2"]
        words += ["--quiet"] if self.quiet else []
        words += ["--seeds", str(self.seeds), "--total-timesteps", str(STEPS * self.iterations)]
        for option, texts in (("--param", self.params), ("--set", (*self.small, *self.settings))):
            words += [word for text in texts for word in (option, text)]
        return [*words, *self.options]


def sweep_of(runs_dir: Path) -> SweepDir:
    """The only sweep of a directory."""
    (sweep,) = list_sweeps(runs_dir)
    return sweep


def runs_of(sweep: SweepDir) -> dict[str, RunDir]:
    """The runs that are there, held-out ones too."""
    held_out = sweep.held_out.runs() if sweep.held_out.path.exists() else []
    return {str(run.path.relative_to(sweep.path)): run for run in [*sweep.runs(), *held_out]}


# ---------------------------------------------------------------------- what it comes to


def sweep_outcome(sweep: SweepDir) -> dict[str, Any]:
    """Everything in a finished sweep that does not depend on the clock, by a name for each part."""
    document = json.loads(sweep.summary_path.read_text())
    parts: dict[str, Any] = {f"summary {key}": document[key] for key in _POINT_STATE}
    parts["summary failed"] = document["failed"]
    parts["summary best"] = document["best"]
    parts["summary points"] = [_without_clock(point) for point in document["points"]]
    with sweep.results_path.open() as file:
        parts["results.csv"] = [_without_clock(row) for row in csv.DictReader(file)]
    parts["sweep.yaml"] = sweep.spec_path.read_text()
    parts["files"] = sorted(path.name for path in sweep.path.iterdir() if path != sweep.logs_path)
    parts["half-written files"] = sorted(str(p.relative_to(sweep.path)) for p in half_written(sweep.path))
    parts |= {path.name: path.read_bytes() for path in sweep.path.glob("*.png")}
    return parts | {f"run {name}": outcome(run.path) for name, run in runs_of(sweep).items()}


def assert_same_sweep(sweep: SweepDir, undisturbed: dict[str, Any]) -> None:
    """The sweep ended as the undisturbed one did, bit for bit, and left nothing half written."""
    parts = sweep_outcome(sweep)
    different = [
        f"{key}: {_difference(parts.get(key), undisturbed.get(key))}"
        for key in sorted(parts.keys() | undisturbed.keys())
        if parts.get(key) != undisturbed.get(key)
    ]
    assert not different, f"{sweep.path} differs from the undisturbed sweep:\n" + "\n".join(different)
    assert parts["half-written files"] == []


def half_written(folder: Path) -> list[Path]:
    """Temporary files and folders, anywhere."""
    return [path for path in folder.rglob("*") if "tmp" in path.name]


def complete_runs(sweep: SweepDir) -> dict[str, dict[str, tuple[int, int, int]]]:
    """Of every complete run, which file each of its files is, when it was written, and its length."""
    return {
        name: {str(path.relative_to(run.path)): _stamp(path) for path in _files(run)}
        for name, run in runs_of(sweep).items()
        if (run.read_summary() or {}).get("status") == "completed"
    }


def _files(run: RunDir) -> Iterator[Path]:
    """The files of a run, except the lock, which tells who held it last."""
    return (path for path in run.path.rglob("*") if path.is_file() and path.name != ".lock")


def _stamp(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _without_clock(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in _CLOCK_FIELDS}


def _difference(part: Any, wanted: Any) -> str:
    """What differs, small enough to read."""
    if isinstance(part, dict) and isinstance(wanted, dict):
        keys = sorted(key for key in part.keys() | wanted.keys() if part.get(key) != wanted.get(key))
        return "; ".join(f"{key}: {str(part.get(key))[:80]} != {str(wanted.get(key))[:80]}" for key in keys)
    return f"{str(part)[:300]} != {str(wanted)[:300]}"


@functools.cache
def undisturbed_sweep(sweep: Sweep, folder: Path) -> dict[str, Any]:
    """What a sweep comes to when nobody kills it. (It is trained in this process, to the same bits.)"""
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        train_in_process(patch, draw=True)
        result = inside(*sweep.words(folder / "runs"), cwd=folder)
    assert result.code == 0, result.stderr
    return sweep_outcome(sweep_of(folder / "runs"))


# ---------------------------------------------------------------------- its workers


def workers_of(runs_dir: Path) -> list[int]:
    """The workers of all sweeps of a directory that live, whoever is their parent: each has its log open."""
    return [pid for pid, log in _standard_errors() if Path(log).is_relative_to(runs_dir) and is_running(pid)]


def workers_end(runs_dir: Path) -> bool:
    """Whether all workers are gone, or will be."""
    deadline = time.monotonic() + PATIENCE
    while workers_of(runs_dir):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def kill(pid: int, signum: int = signal.SIGKILL) -> bool:
    """Send a signal to a process; whether it was there to get it."""
    if not is_running(pid):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)
        return True
    return False


def _standard_errors() -> Iterator[tuple[int, str]]:
    for path in Path("/proc").glob("[0-9]*/fd/2"):
        with contextlib.suppress(OSError):
            target = os.readlink(path)
            if Path(target).parent.name == "logs":
                yield int(path.parts[2]), target


# ---------------------------------------------------------------------- moments


def wait_until_it_trains(process: PpoProcess, runs_dir: Path, since: float) -> bool:
    """Wait until a run gets a row of metrics after ``since``; False when the process ended before."""
    return process.wait_until(lambda: _latest_row(runs_dir) > since, poll=0.005)


def is_being_written(runs_dir: Path) -> bool:
    """Whether a file, a checkpoint or a folder is under its temporary name at this moment."""
    return any(
        True
        for sweep in list_sweeps(runs_dir)
        for pattern in TEMPORARY
        for _ in paths_of(sweep.path, pattern)
    )


def paths_of(folder: Path, pattern: str) -> list[Path]:
    """The paths that fit a pattern, while other processes make and remove some."""
    return [folder / name for name in glob.glob(pattern, root_dir=folder)]


def _latest_row(runs_dir: Path) -> float:
    times = [0.0]
    for pattern in ("*/*/metrics.csv", "*/held-out/*/metrics.csv"):
        for path in paths_of(runs_dir, pattern):
            with contextlib.suppress(OSError):
                times.append(path.stat().st_mtime)
    return max(times)
