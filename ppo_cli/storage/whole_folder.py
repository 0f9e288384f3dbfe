"""A folder that appears whole: written beside its place, then moved there with one rename."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from ppo_cli.storage.files import storage_errors, sync_folder, write_new


def write_folder(path: Path, files: Iterable[tuple[str, bytes]], is_ours: Callable[[str], bool]) -> None:
    """Write a folder of files. A crash leaves it whole, or as it was before.

    Args:
        path: The folder. One that is there now is replaced: the caller has made sure that it may be.
        files: Names and contents, taken one by one.
        is_ours: Whether a file of such a name may be removed with the old folder; what somebody else has put
            there meanwhile stays, in a hidden folder beside the new one.

    Raises:
        StorageError: The disk is full or cannot be written; what was there is there still.
    """
    mark = f"{os.getpid()}.{os.urandom(4).hex()}.tmp"
    temporary, old = (path.with_name(f".{path.name[:80]}.{what}.{mark}") for what in ("new", "old"))
    with storage_errors(path):
        try:
            os.mkdir(temporary)
            for name, data in files:
                write_new(temporary / name, data)
            sync_folder(temporary)
            _take_place(temporary, path, old)
        except BaseException:  # Ctrl-C too
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        sync_folder(path.parent)
    _remove(old, is_ours)


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


def _remove(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Remove our files of a folder, and the folder if nothing else is in it."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if is_ours(name):
                os.unlink(folder / name)
        os.rmdir(folder)
