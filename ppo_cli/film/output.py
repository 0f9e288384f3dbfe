"""Films as files: which formats there are, and what is written where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ppo_cli.film.gif import encode_gif
from ppo_cli.film.mp4 import encode_mp4, require_av
from ppo_cli.film.png import check_folder, write_pngs
from ppo_cli.film.shots import OnProgress, Shot, silent
from ppo_cli.storage.files import atomic_write
from ppo_cli.storage.output_path import check_folder_of, check_new_file

Format = Literal["gif", "mp4", "png"]


@dataclass(frozen=True)
class Written:
    """The size and length of a film that was written.

    Attributes:
        frames: Number of pictures.
        num_bytes: Size of the file, or of all files.
        seconds: How long it plays; None for PNG files, which have no time.
    """

    frames: int
    num_bytes: int
    seconds: float | None


def write_film(shots: Iterable[Shot], path: Path, kind: Format, on_progress: OnProgress = silent) -> Written:
    """Write a film: the file or folder appears when it is whole.

    Args:
        shots: The film.
        path: A file, or for PNG files a folder; it has passed :func:`check_target`.
        kind: The format.
        on_progress: Called as the work goes on.

    Raises:
        StorageError: The disk is full or cannot be written. What was there is as it was.
    """
    if kind == "png":
        count, num_bytes = write_pngs(shots, path)
        return Written(count, num_bytes, None)
    encoded = encode_gif(shots, on_progress) if kind == "gif" else encode_mp4(shots)
    atomic_write(path, encoded.data)
    return Written(encoded.frames, len(encoded.data), encoded.seconds)


def check_target(path: Path, kind: Format, *, force: bool) -> None:
    """Refuse what could not be written, before anything is drawn for it.

    Args:
        path: The file or folder to be.
        kind: The format.
        force: Whether what is there may be replaced.

    Raises:
        UsageError: It exists, its folder does not, or PyAV is missing.
        StorageError: Its folder cannot be written.
    """
    if kind == "mp4":
        require_av()
    if kind == "png":
        check_folder_of(path)
        check_folder(path, force=force)
    else:
        check_new_file(path, force=force)
