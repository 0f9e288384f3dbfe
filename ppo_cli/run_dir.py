"""Run folders: where a run's files are, how a run is made, found and locked. No torch, no NumPy.

A run folder may come from a stranger. Opening one runs nothing that is in it, reads only regular files of
bounded size, and never writes through a symbolic link.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import json
import math
import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppo_cli.errors import CorruptFileError, StorageError, UsageError
from ppo_cli.file_lock import file_lock, is_locked
from ppo_cli.files import (
    atomic_write,
    corrupt,
    read_file,
    remove_quietly,
    storage_errors,
    sync_folder,
    write_new,
)
from ppo_cli.run_names import check_run_name, numbered

MAX_SUMMARY_BYTES = 4 * 2**20

_TAKEN = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EACCES})  # EACCES: Windows


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
    def best_policy_path(self) -> Path:
        """``best_policy.safetensors``: the policy with the best evaluation."""
        return self.path / "best_policy.safetensors"

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
        """Whether a process is writing this run now."""
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
        text = json.dumps(_json_value(summary), indent=2, allow_nan=False, ensure_ascii=False)
        atomic_write(self.summary_path, f"{text}\n".encode())

    def read_summary(self) -> dict[str, Any] | None:
        """What ``summary.json`` says, or None while there is none.

        Raises:
            CorruptFileError: It is not a JSON object, too large, or no regular file.
        """
        if not os.path.lexists(self.summary_path):
            return None
        text = _decode(read_file(self.summary_path, MAX_SUMMARY_BYTES), self.summary_path)
        try:
            summary = json.loads(text)
        except (ValueError, RecursionError):
            summary = None
        if not isinstance(summary, dict):
            raise corrupt(self.summary_path, "is damaged: it holds no JSON object")
        return summary

    def modified(self) -> float:
        """When the run last wrote something, in seconds since 1970."""
        files = (self.config_path, self.metrics_path, self.summary_path)
        return max((os.lstat(file).st_mtime for file in files if os.path.lexists(file)), default=0.0)

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
        for path in self.path.glob(".*.tmp"):
            remove_quietly(path)


def create_run_dir(runs_dir: str | Path, name: str, exact: bool = False, config: str | None = None) -> RunDir:
    """Make a run's folder. Two processes that ask for one name at one moment get two folders.

    Args:
        runs_dir: The directory of all runs; made when it is not there.
        name: The run's name.
        exact: Refuse a name that is taken. Otherwise the folder is called ``name-2``, ``name-3`` and so on.
        config: Text of ``config.yaml``. With it the folder appears under its name whole: a process that is
            killed here leaves no folder that is not a run, and an empty one is taken over.

    Raises:
        UsageError: It is not a name, or it is taken and ``exact``.
        StorageError: The folder cannot be made.
    """
    runs_dir = Path(runs_dir)
    check_run_name(name)
    with storage_errors(runs_dir):
        os.makedirs(runs_dir, exist_ok=True)
        entries = os.listdir(runs_dir)
    taken = {_folded(entry) for entry in entries if config is None or not _is_empty(runs_dir / entry)}
    number = 1
    while True:
        path = runs_dir / numbered(name, number)
        if _folded(path.name) not in taken and (_make(path) if config is None else _make_whole(path, config)):
            return RunDir(path)
        if exact:
            raise UsageError(
                f"{path} exists already", hint="Choose another --name, or go on with it: --resume.", file=path
            )
        number += 1


def find_run(runs_dir: str | Path, ref: str) -> RunDir:
    """The run that a user means.

    Args:
        runs_dir: The directory of all runs.
        ref: A path, a name under ``runs_dir``, a unique beginning of one, or ``latest``.

    Raises:
        UsageError: There is no such run, or there are several.
        CorruptFileError: The folder is a symbolic link.
    """
    runs_dir = Path(runs_dir)
    if "\0" in ref or not ref:
        raise UsageError(f"{ref!r} is not a run")
    by_path = any(separator in ref for separator in ("/", "\\")) or ref in (".", "..")
    for path in (Path(ref), runs_dir / ref) if by_path else (runs_dir / ref, Path(ref)):
        if _is_folder(path):
            return _opened(path)
    runs = list_runs(runs_dir)
    if ref == "latest" and runs:
        return max(runs, key=lambda run: (run.modified(), run.name))
    matches = [run for run in runs if run.name.startswith(ref)]
    if len(matches) == 1:
        return matches[0]
    raise _not_found(runs_dir, ref, [run.name for run in runs], [run.name for run in matches])


def list_runs(runs_dir: str | Path) -> list[RunDir]:
    """The runs of a directory, by name.

    A run is a folder with a ``config.yaml``. Hidden ones, symbolic links and unprintable names do not count.

    Raises:
        StorageError: The directory cannot be read.
    """
    try:
        with storage_errors(Path(runs_dir)), os.scandir(runs_dir) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return []
        raise
    visible = [name for name in sorted(names) if name.isprintable() and not name.startswith(".")]
    runs = [RunDir(Path(runs_dir) / name) for name in visible]
    return [run for run in runs if os.path.lexists(run.config_path)]


def _make(path: Path) -> bool:
    """Make the folder; False when another process was faster."""
    with storage_errors(path):
        try:
            os.mkdir(path)
        except FileExistsError:
            return False
        sync_folder(path.parent)
    return True


def _make_whole(path: Path, config: str) -> bool:
    """Make the folder with its ``config.yaml``; False when there is one that is not empty."""
    temporary = path.with_name(f".{path.name[:80]}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    with storage_errors(path):
        try:
            os.mkdir(temporary)
            write_new(temporary / "config.yaml", config.encode())
            sync_folder(temporary)
            os.rename(temporary, path)  # over an empty folder too, and never over another
        except OSError as error:
            remove_quietly(temporary / "config.yaml")
            with contextlib.suppress(OSError):
                os.rmdir(temporary)
            if os.path.lexists(path) and error.errno in _TAKEN:
                return False
            raise
        sync_folder(path.parent)
    return True


def _is_empty(path: Path) -> bool:
    """Whether it is a folder with nothing in it: what is left of a run that was killed while it was made."""
    try:
        return not path.is_symlink() and not os.listdir(path)
    except OSError:  # no folder, or not ours to read
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that is too long, for one
        return False


def _opened(path: Path) -> RunDir:
    run = RunDir(path)
    if path.is_symlink():
        raise CorruptFileError(
            f"{path} is a symbolic link, and what it leads to may lie anywhere",
            hint="Give the folder itself.",
            file=path,
        )
    if not os.path.lexists(run.config_path):
        raise UsageError(f"{path} is not a run folder: it has no config.yaml", file=path)
    return run


def _not_found(runs_dir: Path, ref: str, names: list[str], matches: list[str]) -> UsageError:
    shown = ref[:100]
    if matches:
        return UsageError(f"{shown!r} is the beginning of several runs", hint=f"Which one: {_some(matches)}?")
    if not names:
        return UsageError(f"no run {shown!r}: {runs_dir} holds none", hint="Make one with `ppo train`.")
    nearest = difflib.get_close_matches(ref, names, n=3, cutoff=0.5)
    hint = f"Did you mean {_some(nearest)}?" if nearest else f"There are {_some(names)}."
    return UsageError(f"no run {shown!r} in {runs_dir}", hint=hint)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _folded(name: str) -> str:
    """A name as file systems see it that do not tell upper from lower case."""
    return unicodedata.normalize("NFC", name).casefold()


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise corrupt(path, "is not UTF-8 text") from None


def _json_value(value: Any) -> Any:
    """The value as strict JSON has it: NaN and infinities are null, NumPy's numbers Python's, paths text."""
    if isinstance(value, Mapping):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if hasattr(value, "tolist"):
        return _json_value(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value
