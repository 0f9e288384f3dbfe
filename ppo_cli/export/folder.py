"""A folder that appears whole: written beside its place, then moved there with one rename."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from ppo_cli.files import remove_quietly, storage_errors, sync_folder, write_new


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files. A crash leaves it whole, or as it was before.

    Args:
        path: The folder. A folder of files that is there now is replaced.
        files: Contents by name.

    Raises:
        StorageError: The disk is full or cannot be written; what was there is there still.
    """
    mark = f"{os.getpid()}.{os.urandom(4).hex()}.tmp"
    temporary, old = (path.with_name(f".{path.name[:80]}.{what}.{mark}") for what in ("new", "old"))
    with storage_errors(path):
        try:
            os.mkdir(temporary)
            for name, data in files.items():
                write_new(temporary / name, data)
            sync_folder(temporary)
            _take_place(temporary, path, old)
        except BaseException:
            _remove(temporary)
            raise
        sync_folder(path.parent)
    _remove(old)


def _take_place(temporary: Path, path: Path, old: Path) -> None:
    """Move the new folder to its place. No folder can be renamed over a full one: that steps aside first."""
    if not os.path.lexists(path):
        os.rename(temporary, path)
        return
    os.rename(path, old)
    try:
        os.rename(temporary, path)
    except BaseException:
        os.rename(old, path)
        raise


def _remove(folder: Path) -> None:
    """Remove a folder of files; one that is not there or cannot be removed is left."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            remove_quietly(folder / name)
        os.rmdir(folder)
