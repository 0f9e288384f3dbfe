"""Run folders: where a run's files are, how a run is made, found and locked. No torch, no NumPy.

A run folder may come from a stranger. Opening one runs nothing that is in it, reads only regular files of
bounded size, and never writes through a symbolic link.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppo_cli.runs.folders import RUN, create_folder, find_folder, list_folders
from ppo_cli.storage.file_lock import file_lock, is_locked
from ppo_cli.storage.files import atomic_write, remove_quietly
from ppo_cli.storage.json_file import read_json, write_json

MAX_SUMMARY_BYTES = 4 * 2**20

GIVEN_UP = "given_up"
"""Key of a ``summary.json``: the run fails by itself, not with the others that were trained with it."""


@dataclass(frozen=True)
class RunDir:
    """One run's folder.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """The folder's name, which is the run's."""
        return self.path.absolute().name

    @property
    def config_path(self) -> Path:
        """``config.yaml``: the resolved settings."""
        return self.path / "config.yaml"

    @property
    def metrics_path(self) -> Path:
        """``metrics.csv``: one row per iteration."""
        return self.path / "metrics.csv"

    @property
    def monitor_path(self) -> Path:
        """``monitor.csv``: one row per finished episode."""
        return self.path / "monitor.csv"

    @property
    def eval_path(self) -> Path:
        """``eval.csv``: one row per evaluation."""
        return self.path / "eval.csv"

    @property
    def policy_path(self) -> Path:
        """``policy.safetensors``: the last policy."""
        return self.path / "policy.safetensors"

    @property
    def reference_path(self) -> Path:
        """``reference.safetensors``: a copy of the policy of another run that training holds on to."""
        return self.path / "reference.safetensors"

    @property
    def reward_model_path(self) -> Path:
        """``reward_model.safetensors``: a copy of the reward model that training learns from."""
        return self.path / "reward_model.safetensors"

    @property
    def best_policy_path(self) -> Path:
        """``best_policy.safetensors``: the policy with the best evaluation."""
        return self.path / "best_policy.safetensors"

    @property
    def policies_path(self) -> Path:
        """``policies/``: policies kept over training."""
        return self.path / "policies"

    @property
    def checkpoints_path(self) -> Path:
        """``checkpoints/``: the training state."""
        return self.path / "checkpoints"

    @property
    def summary_path(self) -> Path:
        """``summary.json``: how the run ended."""
        return self.path / "summary.json"

    @property
    def events_path(self) -> Path:
        """The TensorBoard event file."""
        return self.path / "events.out.tfevents.ppo"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only process that writes this run while the block runs.

        Raises:
            RunLockedError: Another process is writing it; the message says which, where and since when.
            StorageError: The folder cannot be written.
        """
        with file_lock(self.path / ".lock", f"run {self.name}"):
            self._remove_temporary()
            yield

    def is_locked(self) -> bool:
        """Tell whether a process is writing this run now."""
        return is_locked(self.path / ".lock")

    def write_config(self, text: str) -> None:
        """Write ``config.yaml``.

        Raises:
            StorageError: It cannot be written.
        """
        atomic_write(self.config_path, text.encode())

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json``. JSON has no NaN and no infinity: they become null.

        Raises:
            StorageError: It cannot be written.
        """
        write_json(self.summary_path, summary)

    def read_summary(self) -> dict[str, Any] | None:
        """Read ``summary.json``, or None while there is none.

        Raises:
            CorruptFileError: It is not a JSON object, too large, or no regular file.
        """
        return read_json(self.summary_path, MAX_SUMMARY_BYTES)

    def discard(self) -> None:
        """Undo a :func:`create_run_dir` whose run could not begin. A folder with metrics is left alone."""
        if os.path.lexists(self.metrics_path) or os.path.lexists(self.checkpoints_path):
            return
        self._remove_temporary()
        for path in (self.summary_path, self.path / ".lock", self.config_path):
            remove_quietly(path)
        with contextlib.suppress(OSError):
            os.rmdir(self.path)

    def _remove_temporary(self) -> None:
        """Remove what killed processes left half written; only the holder of the lock may."""
        folders = [self.path, *([] if self.policies_path.is_symlink() else [self.policies_path])]
        for folder in folders:
            for path in folder.glob(".*.tmp"):
                remove_quietly(path)


def create_run_dir(runs_dir: str | Path, name: str, exact: bool = False, config: str | None = None) -> RunDir:
    """Make a run's folder. Two processes that ask for one name at one moment get two folders.

    Args:
        runs_dir: The directory of all runs; made when it is not there.
        name: The run's name.
        exact: Refuse a name that is taken. Otherwise the folder is called ``name-2``, ``name-3`` and so on.
        config: Text of ``config.yaml``. With it the folder appears under its name whole.

    Raises:
        UsageError: It is not a name, or it is taken and ``exact``.
        StorageError: The folder cannot be made.
    """
    return RunDir(create_folder(RUN, Path(runs_dir), name, exact=exact, content=config))


def find_run(runs_dir: str | Path, ref: str) -> RunDir:
    """The run that a user means.

    Args:
        runs_dir: The directory of all runs.
        ref: A path, a name under ``runs_dir``, a unique beginning of one, or ``latest``.

    Raises:
        UsageError: There is no such run, or there are several.
        CorruptFileError: The folder is a symbolic link.
    """
    return RunDir(find_folder(RUN, Path(runs_dir), ref))


def list_runs(runs_dir: str | Path) -> list[RunDir]:
    """The runs of a directory, by name. Hidden folders, symbolic links and unprintable names do not count.

    Raises:
        StorageError: The directory cannot be read.
    """
    return [RunDir(path) for path in list_folders(RUN, Path(runs_dir))]
