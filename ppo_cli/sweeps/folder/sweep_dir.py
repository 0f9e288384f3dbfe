"""Sweep folders: run folders side by side, and what they come to. No torch.

    runs/LunarLander-v3-eps_clip/
      sweep.yaml               what is swept; says the same again with `ppo sweep FILE`
      eps_clip=0.1-s1/ ...     an ordinary run folder for each point and seed
      held-out/                the runs that check the winner on seeds of their own
      results.csv              one row per run
      summary.json             points with their statistics, the best one, what failed
      sensitivity.png ...      plots
      logs/                    the end of what the workers printed

The folder is the database: what is done and what is missing is read from the runs themselves.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppo_cli.errors import UsageError
from ppo_cli.runs.folders import SWEEP, create_folder, find_folder, list_folders
from ppo_cli.runs.run_dir import RunDir, find_run, list_runs
from ppo_cli.storage.file_lock import file_lock, is_locked
from ppo_cli.storage.files import atomic_write, remove_quietly, storage_errors
from ppo_cli.storage.json_file import read_json, write_json

HELD_OUT = "held-out"


@dataclass(frozen=True)
class SweepDir:
    """One sweep's folder.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """The folder's name, which is the sweep's."""
        return self.path.absolute().name

    @property
    def spec_path(self) -> Path:
        """``sweep.yaml``: what is swept."""
        return self.path / "sweep.yaml"

    @property
    def results_path(self) -> Path:
        """``results.csv``: one row per run."""
        return self.path / "results.csv"

    @property
    def summary_path(self) -> Path:
        """``summary.json``: points, the best one, what failed."""
        return self.path / "summary.json"

    @property
    def logs_path(self) -> Path:
        """``logs/``: the end of what the workers printed."""
        return self.path / "logs"

    @property
    def held_out(self) -> SweepDir:
        """``held-out/``: the runs that check the winner. Not a sweep of its own, but laid out like one."""
        return SweepDir(self.path / HELD_OUT)

    def run(self, name: str) -> RunDir:
        """The folder of one run, whether it is there or not."""
        return RunDir(self.path / name)

    def runs(self) -> list[RunDir]:
        """The runs that are there, by name."""
        return list_runs(self.path)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only process that runs this sweep while the block runs.

        Raises:
            RunLockedError: Another process runs it; the message says which, where and since when.
            StorageError: The folder cannot be written.
        """
        with file_lock(self.path / ".lock", f"sweep {self.name}"):
            for folder in (self.path, self.held_out.path):
                for path in folder.glob(".*.tmp"):  # what killed processes left half written
                    _remove_half_made(path)
            yield

    def is_locked(self) -> bool:
        """Whether a process runs this sweep now."""
        return is_locked(self.path / ".lock")

    def make(self) -> None:
        """Make the folder if it is not there.

        Raises:
            StorageError: It cannot be made.
        """
        with storage_errors(self.path):
            self.path.mkdir(exist_ok=True)

    def write_spec(self, text: str) -> None:
        """Write ``sweep.yaml``.

        Raises:
            StorageError: It cannot be written.
        """
        atomic_write(self.spec_path, text.encode())

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json``.

        Raises:
            StorageError: It cannot be written.
        """
        write_json(self.summary_path, summary)

    def read_summary(self) -> dict[str, Any] | None:
        """Read ``summary.json``; None while there is none.

        Raises:
            CorruptFileError: It is not a JSON object, too large, or no regular file.
        """
        return read_json(self.summary_path)

    def write_results(self, text: str) -> None:
        """Write ``results.csv``.

        Raises:
            StorageError: It cannot be written.
        """
        atomic_write(self.results_path, text.encode())


def create_sweep_dir(runs_dir: Path, name: str, *, exact: bool, spec: str) -> SweepDir:
    """Make a sweep's folder with its ``sweep.yaml``.

    Args:
        runs_dir: The directory of all runs and sweeps; made when it is not there.
        name: The sweep's name.
        exact: Refuse a name that is taken. Otherwise the folder is called ``name-2`` and so on.
        spec: Text of ``sweep.yaml``.

    Raises:
        UsageError: It is not a name, or it is taken and ``exact``.
        StorageError: The folder cannot be made.
    """
    return SweepDir(create_folder(SWEEP, runs_dir, name, exact=exact, content=spec))


def find_sweep(runs_dir: Path, ref: str) -> SweepDir:
    """The sweep that a user means: a path, a name, a unique beginning of one, or ``latest``.

    Raises:
        UsageError: There is no such sweep, or there are several.
        CorruptFileError: The folder is a symbolic link.
    """
    return SweepDir(find_folder(SWEEP, runs_dir, ref))


def find_run_or_sweep(runs_dir: Path, ref: str) -> RunDir | SweepDir:
    """Find the run, or else the sweep, that a user means.

    Raises:
        UsageError: There is neither.
    """
    try:
        return find_run(runs_dir, ref)
    except UsageError:
        with contextlib.suppress(UsageError):
            return find_sweep(runs_dir, ref)
        raise


def list_sweeps(runs_dir: Path) -> list[SweepDir]:
    """The sweeps of a directory, by name.

    Raises:
        StorageError: The directory cannot be read.
    """
    return [SweepDir(path) for path in list_folders(SWEEP, runs_dir)]


def _remove_half_made(path: Path) -> None:
    """Remove a temporary file, or a temporary folder with one file in it."""
    if path.is_dir() and not path.is_symlink():
        for inner in path.iterdir():
            remove_quietly(inner)
        with contextlib.suppress(OSError):
            os.rmdir(path)
    else:
        remove_quietly(path)
