"""The log of a worker process: all that it prints, of which the end is kept.

An environment that prints in a loop would fill the disk; what it dies of stands in its last lines. So a log
that grows too long is cut to its end, in place: the worker and its children, which append to it, neither wait
for that nor notice it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from ppo_cli.storage.files import storage_errors, write_all

KEPT_BYTES = 1 << 20
"""A log of more than twice as many bytes is cut to these last ones, from their first whole line on."""

LOOK_SECONDS = 0.5
"""How often to look whether a log is too long."""

_CUT = b"(what was printed before this is not kept)\n"
_CHUNK = 1 << 16
_MOST_COPIED = 16 * KEPT_BYTES
# A symbolic link could lead out of the sweep's folder.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@contextlib.contextmanager
def open_log(path: Path) -> Iterator[int]:
    """Open a log for a process to print to. What it prints is appended, wherever the end is by then.

    Yields:
        The file descriptor, closed after the block.

    Raises:
        StorageError: It cannot be written; above all, the sweep's folder is not there.
    """
    with storage_errors(path):
        path.parent.mkdir(exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_LINK, 0o644)
    try:
        yield fd
    finally:
        os.close(fd)


def shorten(path: Path) -> int:
    """Cut a log to its last lines if it is too long; leave it as it is if that cannot be done.

    Returns:
        By how many bytes what is left has moved to the front.
    """
    with contextlib.suppress(OSError):
        if path.stat().st_size > 2 * KEPT_BYTES:
            with open(path, "r+b", buffering=0, opener=_open_no_link) as log:
                return _cut(log)
    return 0


@contextlib.contextmanager
def kept_short(path: Path) -> Iterator[None]:
    """Shorten a log as often as it takes while the block runs (the work of a thread), and at its end."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            shorten(path)

    thread = threading.Thread(target=look, name="log", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        shorten(path)


def _cut(log: FileIO) -> int:
    """Copy the end of a log to its front, with what is appended meanwhile, and cut off the rest.

    So the last lines are in the file at every moment. Lost is what is appended between the last look and the
    cut, some microseconds later, and what is too much of a flood that comes faster than it can be copied.
    """
    read = log.seek(-KEPT_BYTES, os.SEEK_END)
    text = log.read(KEPT_BYTES)
    read += len(text)
    text = _CUT + text[text.find(b"\n") + 1 :]
    written = 0
    while text and written < _MOST_COPIED:
        log.seek(written)
        write_all(log.fileno(), text)
        written += len(text)
        log.seek(read)
        text = log.read(_CHUNK)
        read += len(text)
    log.truncate(written)
    return read - written


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_LINK)
