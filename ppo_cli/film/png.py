"""A folder of PNG files, one for each picture."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image

from ppo_cli.errors import UsageError
from ppo_cli.film.shots import Array, Shot
from ppo_cli.storage.whole_folder import write_folder

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
    num_bytes: list[int] = []

    def files() -> Iterator[tuple[str, bytes]]:
        for number, shot in enumerate(shots, start=1):
            data = _png(shot.frame)
            num_bytes.append(len(data))
            yield f"frame-{number:05d}.png", data

    write_folder(folder, files(), lambda name: _OURS.fullmatch(name) is not None)
    return len(num_bytes), sum(num_bytes)


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
