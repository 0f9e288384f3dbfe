"""Checkpoints: whole or not at all, the last two kept, a damaged one noticed and passed over. No torch.

    checkpoints/it-000123/state.safetensors    every tensor and number of the training state
    checkpoints/it-000123/MANIFEST.json        size and SHA-256 of it

A checkpoint is written under a temporary name, synced, and published by one rename. Whatever happens before
the rename leaves the old checkpoints as they were; whatever happens after it leaves the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.storage.files import FULL, corrupt, read_file, storage_errors, sync_folder, write_new
from ppo_cli.storage.tensor_file import MAX_FILE_BYTES, Tensors, decode_tensors, encode_tensors

SCHEMA = 1
STATE = "state.safetensors"
MANIFEST = "MANIFEST.json"
_MAX_MANIFEST_BYTES = 2**16
_TEMPORARY = ".tmp-"
_NAME = re.compile(r"it-([0-9]{6,18})(\.old)?", re.ASCII)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as loaded.

    Attributes:
        iteration: The iteration after which it was made.
        tensors: The training state by name.
        meta: The rest of it: counters, the length of each CSV file, and so on.
    """

    iteration: int
    tensors: Tensors
    meta: dict[str, Any]


def save_checkpoint(
    run_dir: RunDir, iteration: int, tensors: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]
) -> None:
    """Write a checkpoint durably, then remove all but it and the last good one before it.

    Checkpoints of later iterations are removed too: training has gone back behind them because they were
    damaged. When the disk is full, the older checkpoint is given up and the write tried once more.

    Args:
        run_dir: The run; the caller holds its lock.
        iteration: Iterations completed, at least 0.
        tensors: The training state by name.
        meta: What JSON can hold; the keys are the caller's.

    Raises:
        StorageError: The disk is full or cannot be written. The last checkpoint is intact.
    """
    folder = run_dir.checkpoints_path
    content = encode_tensors(tensors, {"iteration": iteration, "meta": dict(meta)})
    with storage_errors(folder):
        _make_folder(run_dir)
        _remove_temporary(folder)
        try:
            _publish(folder, iteration, content)
        except OSError as error:
            if error.errno not in FULL or not _prune(folder, keep=1):
                raise
            _publish(folder, iteration, content)
        with contextlib.suppress(CorruptFileError):  # the folder cannot be listed: it is pruned the next time
            _prune(folder, keep=2, newest=iteration)


def load_latest_checkpoint(run_dir: RunDir, warn: Callable[[str], None]) -> Checkpoint | None:
    """Load the newest checkpoint that is whole.

    Args:
        run_dir: The run. Nothing in it is changed.
        warn: Told of each damaged checkpoint that is passed over: which file, and why.

    Returns:
        The checkpoint, or None when the run has none yet.

    Raises:
        CorruptFileError: There are checkpoints, and every one is damaged.
    """
    paths = _checkpoints(run_dir.checkpoints_path)
    for path in paths:
        try:
            return _load(path)
        except (CorruptFileError, UsageError) as error:
            warn(f"{error.message}. The checkpoint before it is used instead.")
    if paths:
        raise CorruptFileError(
            f"every checkpoint of {run_dir.name} is damaged, so it cannot be resumed",
            hint="Train again from its config.yaml; a policy that it saved may still load.",
            file=run_dir.checkpoints_path,
        )
    return None


def checkpoint_iterations(run_dir: RunDir) -> list[int]:
    """The iterations of which the run has a checkpoint, newest first; by their names, none is opened."""
    return list(dict.fromkeys(_iteration(path) for path in _checkpoints(run_dir.checkpoints_path)))


def go_back(run_dir: RunDir, iteration: int) -> bool:
    """Remove the checkpoints after ``iteration``, whose own one must be whole; False if it is not.

    Training on from the older one gives the same bits again, so nothing is lost but time.

    Args:
        run_dir: The run; the caller holds its lock.
        iteration: One of :func:`checkpoint_iterations`.
    """
    paths = _checkpoints(run_dir.checkpoints_path)
    if not any(_iteration(path) == iteration and not _is_damaged(path) for path in paths):
        return False
    for path in paths:
        if _iteration(path) > iteration:
            shutil.rmtree(path, ignore_errors=True)
    return True


def _publish(folder: Path, iteration: int, content: bytes) -> None:
    """Write under a temporary name, sync, rename. Raises OSError after removing what was half written."""
    temporary = folder / f"{_TEMPORARY}{iteration}-{os.getpid()}"
    target = folder / f"it-{iteration:06d}"
    try:
        os.mkdir(temporary)
        write_new(temporary / STATE, content)
        write_new(temporary / MANIFEST, _manifest(iteration, content))
        sync_folder(temporary)
        if os.path.lexists(target):
            _set_aside(target)
        os.rename(temporary, target)
        sync_folder(folder)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _set_aside(target: Path) -> None:
    """Make room for the same iteration written again; what is set aside still loads until then."""
    old = target.with_name(f"{target.name}.old")
    if _is_damaged(target):
        shutil.rmtree(target)  # a whole one set aside before it is worth more
        return
    shutil.rmtree(old, ignore_errors=True)
    os.rename(target, old)


def _manifest(iteration: int, content: bytes) -> bytes:
    files = {STATE: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}}
    return (json.dumps({"schema": SCHEMA, "iteration": iteration, "files": files}, indent=1) + "\n").encode()


def _load(path: Path) -> Checkpoint:
    """Load and verify one checkpoint folder."""
    iteration = _iteration(path)
    manifest = read_file(path / MANIFEST, _MAX_MANIFEST_BYTES)
    content = read_file(path / STATE, MAX_FILE_BYTES)
    tensors, saved = decode_tensors(content, path / STATE)
    if manifest != _manifest(iteration, content):
        raise corrupt(path / MANIFEST, "does not describe the files beside it")
    if saved.get("iteration") != iteration or not isinstance(saved.get("meta"), dict):
        raise corrupt(path / STATE, f"is not the state after iteration {iteration}")
    return Checkpoint(iteration, tensors, saved["meta"])


def _is_damaged(path: Path) -> bool:
    """Tell whether a checkpoint's state is not the one in its manifest; cheaper than loading it.

    One that cannot be read at the moment, for want of file handles say, is not called damaged.
    """
    try:
        manifest = read_file(path / MANIFEST, _MAX_MANIFEST_BYTES)
        return manifest != _manifest(_iteration(path), read_file(path / STATE, MAX_FILE_BYTES))
    except (CorruptFileError, UsageError) as error:
        return not isinstance(error.__cause__, OSError)


def _iteration(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    assert match is not None, path
    return int(match[1])


def _checkpoints(folder: Path) -> list[Path]:
    """The checkpoint folders, newest first; symbolic links are none."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise corrupt(folder, f"cannot be read: {error.strerror}") from error
    paths = [folder / name for name in names if _NAME.fullmatch(name)]
    return sorted(paths, key=lambda path: (_iteration(path), not path.name.endswith(".old")), reverse=True)


def _prune(folder: Path, *, keep: int, newest: int | None = None) -> bool:
    """Keep the newest ``keep`` checkpoints that are not damaged, remove the others; whether any was removed.

    Args:
        folder: The checkpoints folder.
        keep: How many to keep.
        newest: The iteration just written, known to be whole; what claims to be newer is removed.
    """
    kept: list[int] = []
    removed = False
    for path in _checkpoints(folder):
        iteration = _iteration(path)
        superseded = iteration in kept or (newest is not None and iteration > newest)
        if len(kept) < keep and not superseded and (iteration == newest or not _is_damaged(path)):
            kept.append(iteration)
        else:
            shutil.rmtree(path, ignore_errors=True)
            removed = True
    return removed


def _make_folder(run_dir: RunDir) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(run_dir.checkpoints_path)
        sync_folder(run_dir.path)
    if run_dir.checkpoints_path.is_symlink():  # would lead out of the run folder
        raise corrupt(run_dir.checkpoints_path, "is a symbolic link and is not written through")


def _remove_temporary(folder: Path) -> None:
    """Remove what killed processes left half written."""
    with os.scandir(folder) as entries:
        stale = [entry.path for entry in entries if entry.name.startswith(_TEMPORARY)]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
