"""Where ``ppo render`` writes, and in which format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ppo_cli.errors import UsageError

if TYPE_CHECKING:
    from ppo_cli.film.output import Format

_NAMES = {
    "gif": "let its name end in .gif",
    "mp4": "let its name end in .mp4",
    "png": "PNG files go into a folder: let its name end in a slash",
}


@dataclass(frozen=True)
class Target:
    """A film to be.

    Attributes:
        path: The file, or the folder of PNG files.
        kind: The format.
    """

    path: Path
    kind: Format


def target_of(output: str | None, kind: Format | None, default: Path) -> Target:
    """Decide where a film goes.

    Args:
        output: ``--output``; None for the default place.
        kind: ``--format``; None to go by the ending.
        default: The default place, without an ending.

    Raises:
        UsageError: The ending is of no format, or of another one than ``--format``.
    """
    if output is None:
        kind = kind or "gif"
        return Target(default.with_name(default.name + ("-frames" if kind == "png" else f".{kind}")), kind)
    path, promised = Path(output), _format_of(output)
    kind = kind or promised
    if kind is None or not path.name:
        raise UsageError(
            f"{output!r}: which format is that?",
            hint="end it in .gif or .mp4, or in a slash for a folder of PNG files",
            key="--output",
        )
    if promised is None and kind != "png" and not path.suffix:
        path, promised = path.with_name(f"{path.name}.{kind}"), kind
    if promised != kind and not (promised is None and kind == "png"):
        raise UsageError(f"{output} is no name for a film in {kind.upper()}", hint=_NAMES[kind], file=path)
    return Target(path, kind)


def _format_of(output: str) -> Format | None:
    """The format that a name promises."""
    if output.endswith(("/", "\\")):
        return "png"
    ending = Path(output).suffix.lower()
    return "gif" if ending == ".gif" else "mp4" if ending == ".mp4" else None
