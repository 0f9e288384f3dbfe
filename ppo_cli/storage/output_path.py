"""Checks that what the user asked for can be written where it was asked for, before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from ppo_cli.errors import StorageError, UsageError
from ppo_cli.storage.files import storage_errors


def check_folder_of(path: Path, option: str = "--output") -> None:
    """Refuse a place whose folder is not there or cannot be written.

    Args:
        path: The file or folder to be.
        option: What chooses another place.

    Raises:
        UsageError: It has no name, or there is no such folder.
        StorageError: The folder cannot be written, or the name is none.
    """
    if path.name in ("", ".."):
        raise UsageError(f"{str(path)!r} names no file", hint=f"choose another {option}", key=option)
    if not _is_folder(path.parent):
        raise UsageError(f"{path}: there is no folder {path.parent}", hint="make it first", file=path)
    if not os.access(path.parent, os.W_OK):
        raise StorageError(
            f"cannot write {path}: its folder is not writable", hint=f"choose another {option}", file=path
        )


def _is_folder(path: Path) -> bool:
    with storage_errors(path):  # asking for a name that is too long is an error
        return path.is_dir()


def check_new_file(path: Path, *, force: bool, option: str = "--output") -> None:
    """Refuse a file that cannot be written, or that would replace something.

    Args:
        path: The file to be.
        force: Whether a file that is there may be replaced.
        option: What chooses another place.

    Raises:
        UsageError: It exists, is no file, has no name, or its folder is not there.
        StorageError: Its folder cannot be written.
    """
    check_folder_of(path, option)
    if not os.path.lexists(path):
        return
    if not path.is_file():
        raise UsageError(f"{path} exists and is not a file", hint=f"choose another {option}", file=path)
    if not force:
        raise UsageError(
            f"{path} exists already", hint=f"--force replaces it; {option} chooses another", file=path
        )
