"""Files that survive a crash and a full disk, and a reader that a hostile file cannot hang.

Two ways to write, each with one promise:

* :func:`atomic_write` replaces a whole file: a crash leaves the old or the new one, never half of one.
* :class:`AppendFile` grows a file and knows its length: a resumed run cuts it back to its checkpoint's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ppo_cli.errors import CorruptFileError, StorageError, UsageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

# What Windows lacks is 0 there: it has no FIFOs to hang on, and makes symbolic links for administrators only.
_SAFE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = _SAFE | getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def corrupt(path: Path, why: str) -> CorruptFileError:
    """The error for a file that is damaged or not safe to open: its path, then ``why``."""
    return CorruptFileError(f"{path} {why}", file=path)


def read_file(path: Path, max_bytes: int) -> bytes:
    """Read a regular file whole. A FIFO, a device or a folder is refused at once, not waited for.

    Args:
        path: The file; a symbolic link is followed.
        max_bytes: The largest size accepted.

    Raises:
        UsageError: There is no such file.
        CorruptFileError: It is no regular file, is larger than ``max_bytes``, or cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | _SAFE | _NO_WAIT)
        try:
            _check_regular(path, fd)
            size = os.fstat(fd).st_size
            if size > max_bytes:
                raise corrupt(path, f"is too large: {size:,} bytes, at most {max_bytes:,} are accepted")
            return _read_all(fd, size)
        finally:
            os.close(fd)
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist", file=path) from None
    except OSError as error:
        raise corrupt(path, f"cannot be read: {_reason(error)}") from error


def atomic_write(path: Path, data: bytes) -> None:
    """Replace a file by ``data``, durably: whoever opens it sees the old bytes or the new ones.

    Raises:
        StorageError: The disk is full or cannot be written. The old file is as it was.
    """
    temporary = path.with_name(f".{path.name[:50]}.{os.getpid()}.tmp")  # a long name has no room for more
    with storage_errors(path):
        try:
            write_new(temporary, data)
            os.replace(temporary, path)
        except OSError:
            remove_quietly(temporary)
            raise
        sync_folder(path.parent)


def write_new(path: Path, data: bytes) -> None:
    """Create a file, write and sync it. Raises OSError; the caller removes what is half written."""
    remove_quietly(path)  # the leftover of a killed process with the same number
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o644)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; ``os.write`` may stop early without an error."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_folder(path: Path) -> None:
    """Make creations, renames and removals inside a folder durable. Windows does so by itself."""
    if os.name == "nt":
        return
    fd = os.open(path, os.O_RDONLY | _SAFE)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_quietly(path: Path) -> None:
    """Remove a file if it is there and can be removed."""
    with contextlib.suppress(OSError):
        os.unlink(path)


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError met while writing ``path`` into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        raise storage_error(path, error) from error


def storage_error(path: Path, error: OSError) -> StorageError:
    """The StorageError for an OSError met while writing ``path``."""
    hint = None
    if error.errno in FULL:
        hint = "Free some space and run the command again; a run goes on with --resume."
    elif error.errno in _NOT_ALLOWED:
        hint = "Choose a directory that you may write to."
    return StorageError(f"cannot write {path}: {_reason(error)}", hint=hint, file=path)


class AppendFile:
    """A file that only grows: appended bytes are kept in memory until :meth:`flush`.

    Attributes:
        path: The file.
        size: Its length in bytes, without what is not flushed yet.
    """

    def __init__(self, path: Path, fd: int, size: int) -> None:
        self.path = path
        self.size = size
        self._fd = fd
        self._pending: list[bytes] = []
        self._synced = size

    @classmethod
    def create(cls, path: Path, head: bytes) -> AppendFile:
        """Start the file anew with ``head`` as its first bytes.

        Raises:
            StorageError: It cannot be written.
            CorruptFileError: A symbolic link, or something that is no regular file, is in its place.
        """
        fd = _open_for_writing(path, os.O_CREAT)
        file = cls(path, fd, 0)
        file.append(head)
        try:
            with storage_errors(path):
                os.ftruncate(fd, 0)
                file.sync()
                sync_folder(path.parent)
        except BaseException:
            file.abandon()
            raise
        return file

    @classmethod
    def open_at(cls, path: Path, size: int) -> AppendFile:
        """Open an existing file to go on after its first ``size`` bytes; :meth:`cut_back` comes first.

        Raises:
            CorruptFileError: The file is gone, shorter than ``size``, a symbolic link or no regular file.
            StorageError: It cannot be written.
        """
        if not os.path.lexists(path):
            raise corrupt(path, f"is missing: the checkpoint expects {size:,} bytes of it")
        file = cls(path, _open_for_writing(path, 0), size)
        actual = os.fstat(file._fd).st_size
        if actual < size:
            file.abandon()
            raise corrupt(path, f"has {actual:,} bytes, the checkpoint expects {size:,}")
        return file

    def read(self, start: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``start``. Appending is not disturbed: it always goes to the end."""
        os.lseek(self._fd, start, os.SEEK_SET)
        return os.read(self._fd, count)

    def cut_back(self) -> None:
        """Cut off what the file holds beyond :attr:`size`.

        Raises:
            StorageError: It cannot be written.
        """
        with storage_errors(self.path):
            os.ftruncate(self._fd, self.size)

    def append(self, data: bytes) -> None:
        """Keep ``data`` for the next :meth:`flush`."""
        self._pending.append(data)

    def flush(self) -> None:
        """Hand what was appended to the operating system: it then survives the death of this process.

        Raises:
            StorageError: The disk is full. The file is as before; what was appended is kept for another try.
        """
        if not self._pending:
            return
        data = b"".join(self._pending)
        with storage_errors(self.path):
            try:
                write_all(self._fd, data)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, self.size)
                raise
        self.size += len(data)
        self._pending.clear()

    def sync(self) -> int:
        """Flush, and make the file durable: it then survives a power loss. A checkpoint comes after this.

        Returns:
            The file's length in bytes.

        Raises:
            StorageError: The disk is full or failed.
        """
        self.flush()
        if self._synced != self.size:
            with storage_errors(self.path):
                os.fsync(self._fd)
            self._synced = self.size
        return self.size

    def close(self) -> None:
        """Flush and close; closing twice does nothing."""
        if self._fd < 0:
            return
        try:
            self.flush()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close without flushing: what was appended since the last flush is dropped."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._pending.clear()


def _open_for_writing(path: Path, flags: int) -> int:
    """Open a regular file to append to it; a symbolic link could lead out of the run folder."""
    if os.path.islink(path):
        raise corrupt(path, "is a symbolic link and is not written through")
    with storage_errors(path):
        fd = os.open(path, os.O_RDWR | os.O_APPEND | flags | _NO_LINK | _NO_WAIT, 0o644)
    try:
        _check_regular(path, fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _check_regular(path: Path, fd: int) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise corrupt(path, "is not a regular file")


def _read_all(fd: int, size: int) -> bytes:
    """Up to ``size`` bytes; fewer if another process shortens the file meanwhile."""
    chunks: list[bytes] = []
    while size > 0 and (chunk := os.read(fd, size)):
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
