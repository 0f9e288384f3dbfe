"""Where results go: stdout, kept apart from what environments and libraries print while a command runs.

A user's environment may print whatever it likes, from Python, from C, or from a process that it starts. All
of that goes to stderr, so that ``--json`` is one document and a table is a table.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, ParamSpec

P = ParamSpec("P")

_apart: list[IO[str]] = []  # the stream of results while a command runs


def results_stream() -> IO[str] | None:
    """The stream for results; None when there is none."""
    return _apart[-1] if _apart else sys.stdout


def apart(command: Callable[P, None]) -> Callable[P, None]:
    """The same command with its results kept apart from what is printed by others."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        with results_apart():
            command(*args, **kwargs)

    return wrapped


@contextlib.contextmanager
def results_apart() -> Iterator[None]:
    """Let everything that is printed in the block go to stderr, but for what goes to ``results_stream()``."""
    stream = sys.stdout
    if stream is None or sys.stderr is None or _apart:
        yield
        return
    own = _moved(stream)
    _apart.append(own or stream)
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout = stream
        _apart.clear()
        if own is not None:
            _move_back(own)


def _moved(stream: IO[str]) -> IO[str] | None:
    """Another stream to where stdout goes, with descriptor 1 sent to stderr; None where that cannot be."""
    try:
        if stream.fileno() != 1:
            return None
        stream.flush()
        saved = os.dup(1)
    except (OSError, ValueError, AttributeError):
        return None
    try:
        os.dup2(2, 1)
    except OSError:
        os.close(saved)
        return None
    encoding, errors = (getattr(stream, name, None) for name in ("encoding", "errors"))
    return os.fdopen(saved, "w", encoding=encoding, errors=errors)


def _move_back(own: IO[str]) -> None:
    """Undo :func:`_moved`. What could not be written has been told where it was written."""
    with contextlib.suppress(OSError, ValueError):
        own.flush()
    with contextlib.suppress(OSError, ValueError):
        os.dup2(own.fileno(), 1)
    with contextlib.suppress(OSError, ValueError):
        own.close()
