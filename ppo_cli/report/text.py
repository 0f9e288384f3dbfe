"""Text on its way to a terminal, a pipe or a file. No Rich, so that ``ppo --help`` need not import it."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator

_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class ReaderGoneError(Exception):
    """Whoever read our stdout closed it (``ppo list | head``): there is nobody left to tell."""


def tolerate_any_text() -> None:
    """Let stdout and stderr print ``?`` for what their encoding lacks instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def clean(text: object) -> str:
    r"""Text from users or files, safe for a terminal: control and invisible characters as ``\x1b``.

    >>> clean("run\x1b[2J")
    'run\\x1b[2J'
    """
    return "".join(_visible(str(text)))


def _visible(text: str) -> Iterator[str]:
    for char in text:
        hidden = char != "\n" and unicodedata.category(char) in _HIDDEN_CATEGORIES
        yield char.encode("unicode_escape").decode("ascii") if hidden else char
