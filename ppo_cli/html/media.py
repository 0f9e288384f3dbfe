"""GIFs as data URIs: those that lie in the run folders, and those that the user gives."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from pathlib import Path

from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.html.content import Picture
from ppo_cli.html.curves import Series
from ppo_cli.report.numbers import plural
from ppo_cli.storage.files import read_file

MOST_PICTURES = 8
_MAX_BYTES = 32 * 2**20
_MAGIC = (b"GIF87a", b"GIF89a")


def given_pictures(paths: Sequence[Path]) -> tuple[Picture, ...]:
    """The GIFs that a user gave, called by the names of their files.

    Raises:
        UsageError: One of them is not there, or is no GIF.
        CorruptFileError: It is too large, or no regular file.
    """
    return tuple(_picture(path, path.stem) for path in paths)


def rendered_pictures(groups: Sequence[Series]) -> tuple[tuple[Picture, ...], str]:
    """The ``render.gif`` of the runs, in turn of every group; and which were left out, in words.

    What is no GIF is passed over: nobody asked for it.
    """
    lanes = [
        [(run, group.name) for run in group.runs if _is_there(run.path / "render.gif")] for group in groups
    ]
    gifs = [item for row in itertools.zip_longest(*lanes) for item in row if item is not None]
    pictures = []
    for run, name in gifs[:MOST_PICTURES]:
        try:
            pictures.append(
                _picture(run.path / "render.gif", run.name if run.name == name else f"{name}: {run.name}")
            )
        except (UsageError, CorruptFileError):
            continue
    left_out = len(gifs) - len(gifs[:MOST_PICTURES])
    return tuple(pictures), f"{plural(left_out, 'more GIF')} in the run folders." if left_out else ""


def _is_there(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _picture(path: Path, caption: str) -> Picture:
    data = read_file(path, _MAX_BYTES)
    if not data.startswith(_MAGIC):
        raise UsageError(f"{path} is no GIF", hint="`ppo render RUN` makes one", file=path)
    return Picture(caption, f"data:image/gif;base64,{base64.b64encode(data).decode('ascii')}")
