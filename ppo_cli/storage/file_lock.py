"""One writer per run: a lock that the operating system drops when its holder dies, however it dies.

The package ``filelock`` takes the same kind of lock. But it does not say who holds it, cannot ask without
taking it (``ppo list`` looks at every run), and where there is no flock it falls back to files that outlive a
killed process.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ppo_cli.errors import RunLockedError
from ppo_cli.storage.files import corrupt, storage_errors

if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> None:
        os.lseek(fd, 2**30, os.SEEK_SET)  # a byte beyond the text, which stays readable
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        os.lseek(fd, 0, os.SEEK_SET)

    _try_shared = _try_lock  # Windows has no shared one here
else:
    import fcntl

    def _try_lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _try_shared(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextlib.contextmanager
def file_lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock ``path`` while the block runs. The file stays; a lock without a holder is free.

    Args:
        path: The lock file. It tells who holds the lock.
        what: What is locked, for the message.

    Raises:
        RunLockedError: Another process holds it; the message says which, where and since when.
        StorageError: The lock file cannot be written.
    """
    if path.is_symlink():
        raise corrupt(path, "is a symbolic link and is not written through")
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    flags |= getattr(os, "O_NONBLOCK", 0)
    with storage_errors(path):
        fd = os.open(path, flags, 0o644)
    try:
        with storage_errors(path):
            try:
                _try_lock(fd)
            except (BlockingIOError, PermissionError):
                raise _locked(fd, what, path) from None
        _sign(fd)
        yield
    finally:
        os.close(fd)


def is_locked(path: Path) -> bool:
    """Tell whether a process holds the lock ``path`` now. Waits for nobody, makes no file and writes nothing.

    Args:
        path: The lock file. A missing one and a symbolic link are free; one that may not be looked at counts
            as held.
    """
    if path.is_symlink():
        return False
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        fd = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        return isinstance(error, PermissionError)
    try:
        _try_shared(fd)  # shared, and given back at once: lookers do not see each other
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _sign(fd: int) -> None:
    """Write who holds the lock. It holds without the text too: a full disk does not stop it."""
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()
    with contextlib.suppress(OSError):
        os.ftruncate(fd, 0)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, text)


def _locked(fd: int, what: str, path: Path) -> RunLockedError:
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        holder = json.loads(os.read(fd, 1000))
        pid, host, since = int(holder["pid"]), str(holder["host"])[:100], str(holder["since"])[:40]
        who = f"process {pid} on {host!r} since {since!r}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        who = "another process"
    hint = "Wait for it to end, or stop it with Ctrl-C there; it saves a checkpoint."
    return RunLockedError(f"{what} is being written by {who}", hint=hint, file=path)
