"""A folder of PNG files, one for each picture."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from ppo_cli.errors import UsageError
from ppo_cli.files import storage_errors, sync_folder, write_new
from ppo_cli.film.shots import Array, Shot

_OURS = re.compile(r"frame-[0-9]{5,}\.png", re.ASCII)


def write_pngs(shots: Iterable[Shot], folder: Path) -> tuple[int, int]:
    """Write ``frame-00001.png`` and so on into a folder that appears under its name when it is whole.

    Args:
        shots: The film; how long its pictures stay is not kept.
        folder: The folder; one that is there already has passed :func:`check_folder` and is replaced.

    Returns:
        How many files, and how many bytes.

    Raises:
        StorageError: The disk is full or cannot be written. What was there is as it was.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    count = num_bytes = 0
    with storage_errors(folder):
        shutil.rmtree(temporary, ignore_errors=True)
        os.mkdir(temporary)
        try:
            for count, shot in enumerate(shots, start=1):
                data = _png(shot.frame)
                num_bytes += len(data)
                write_new(temporary / f"frame-{count:05d}.png", data)
            _replace(temporary, folder)
        except BaseException:  # Ctrl-C too
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    return count, num_bytes


def check_folder(folder: Path, *, force: bool) -> None:
    """Refuse a folder that holds anything, or with ``force`` anything but frames.

    Raises:
        UsageError: It does, or it is no folder.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise UsageError(f"{folder} exists and is not a folder", hint="choose another --output", file=folder)
    names = os.listdir(folder)
    if names and not force:
        raise UsageError(
            f"{folder} exists and is not empty",
            hint="--force replaces the frames in it; --output chooses another",
            file=folder,
        )
    others = sorted(name for name in names if not _OURS.fullmatch(name))
    if others:
        raise UsageError(
            f"{folder} holds other things than frames: {others[0]}",
            hint="choose another --output; --force replaces a folder of frames only",
            file=folder,
        )


def _png(frame: Array) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG")
    return file.getvalue()


def _replace(temporary: Path, folder: Path) -> None:
    """Give a finished folder its name; frames that have it now are removed."""
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old.tmp")
    sync_folder(temporary)
    if os.path.lexists(folder):
        os.rename(folder, old)
    try:
        os.rename(temporary, folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.rename(old, folder)
        raise
    sync_folder(folder.parent)
    _remove_frames(old)


def _remove_frames(folder: Path) -> None:
    """Remove a folder of frames, and nothing that somebody else has put there meanwhile."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if _OURS.fullmatch(name):
                os.unlink(folder / name)
        os.rmdir(folder)
