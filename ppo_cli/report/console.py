"""The two consoles: results go to stdout, progress and notices to stderr.

Both print text as it is: no markup, no emoji codes, no highlighting, so that a run called ``[/red]`` is shown
as ``[/red]``. Colour follows NO_COLOR, TERM and whether there is a terminal, as Rich decides it.
"""

from __future__ import annotations

import os
import sys
from typing import IO, cast

from rich.console import Console

from ppo_cli.report.results_stream import results_stream
from ppo_cli.report.text import ReaderGoneError

_PIPE_WIDTH = 200  # wide enough that a pipe or a file gets every column uncut


class _ResultConsole(Console):
    """The console of stdout."""

    def on_broken_pipe(self) -> None:
        """Say so by our own exception; Rich would exit with 1."""
        raise ReaderGoneError


class _TolerantStream:
    """A stream whose failures are nobody's problem: progress must never end a training run.

    A closed terminal, a full disk behind ``2> log`` or a pipe that nobody reads makes it fall silent.
    """

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:
        """The stream's encoding."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write, or fall silent."""
        try:
            if self._stream is not None:
                self._stream.write(text)
        except (OSError, ValueError):
            self._stream = None
        return len(text)

    def flush(self) -> None:
        """Flush, or fall silent."""
        try:
            if self._stream is not None:
                self._stream.flush()
        except (OSError, ValueError):
            self._stream = None

    def isatty(self) -> bool:
        """Tell whether a terminal is there."""
        return is_terminal(self._stream)

    def fileno(self) -> int:
        """The file descriptor; OSError when there is none."""
        if self._stream is None:
            raise OSError("no stream")
        return self._stream.fileno()


def stdout_console() -> Console:
    """A console for results."""
    stream = results_stream()
    return _ResultConsole(file=stream, width=_width(stream), markup=False, emoji=False, highlight=False)


def stderr_console() -> Console:
    """A console for progress, notices and errors, which never fails."""
    stream = cast(IO[str], _TolerantStream(sys.stderr))
    return Console(file=stream, width=_width(sys.stderr), markup=False, emoji=False, highlight=False)


def is_terminal(stream: IO[str] | None) -> bool:
    """Tell whether a stream is a terminal; False for a closed or missing one."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def can_animate() -> bool:
    """Tell whether a live view makes sense: both streams are terminals that can move their cursor."""
    capable = os.environ.get("TERM", "").lower() not in ("", "dumb", "unknown") or os.name == "nt"
    return capable and is_terminal(results_stream()) and is_terminal(sys.stderr) and not os.environ.get("CI")


def _width(stream: IO[str] | None) -> int | None:
    """Choose a width; None leaves it to Rich, which asks the terminal and COLUMNS."""
    if is_terminal(stream) or os.environ.get("COLUMNS", "").isdigit():
        return None
    return _PIPE_WIDTH


def is_unicode(console: Console) -> bool:
    """Tell whether a console can show block characters."""
    return console.encoding.lower().startswith("utf")
