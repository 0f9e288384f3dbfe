"""Faults to inject into file operations: sudden death, torn writes, power loss, and errors of the disk."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

OPERATIONS = (
    "open",
    "write",
    "fsync",
    "rename",
    "replace",
    "mkdir",
    "unlink",
    "rmdir",
    "ftruncate",
    "scandir",
)
_REAL: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in OPERATIONS}
_REAL["fsync"] = os.fstat  # what is synced is remembered; the disk is not waited for


class Killed(BaseException):
    """The process is dead: nothing of it may run any more, not even its clean-up."""


class Faults:
    """Counts the file operations of a block and makes one of them fail.

    Args:
        at: Number of the operation that fails, from 1; 0 lets all pass and only counts.
        error: The errno of one failing operation; None kills: this and every later operation raises Killed.
        torn: A killed write has written its first half.
        power_loss: A random generator: what was not synced is lost, each thing by the toss of a coin.
    """

    def __init__(
        self,
        at: int = 0,
        *,
        error: int | None = None,
        torn: bool = False,
        power_loss: random.Random | None = None,
    ) -> None:
        self.at = at
        self.error = error
        self.torn = torn
        self.power_loss = power_loss
        self.count = 0
        self._handles: list[int] = []
        self._undo: list[tuple[int, Callable[[], object]]] = []  # (inode whose sync makes it durable, undo)

    @contextlib.contextmanager
    def installed(self) -> Iterator[Faults]:
        """Inject while the block runs; afterwards, the power loss."""
        for name in OPERATIONS:
            setattr(os, name, self._wrapped(name))
        try:
            yield self
        finally:
            for name, real in _REAL.items():
                setattr(os, name, real)
            if self.power_loss and self.count >= self.at > 0:
                self._lose(self.power_loss)
            while self._handles:
                os.close(self._handles.pop())

    def _wrapped(self, name: str) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            if self.at and self.count == self.at and self.error is not None:
                raise OSError(self.error, os.strerror(self.error))
            if self.at and self.count >= self.at and self.error is None:
                if self.torn and name == "write" and self.count == self.at:
                    _REAL["write"](args[0], bytes(args[1])[: len(args[1]) // 2])
                raise Killed(f"{name} {args[:1]}")
            undo = self._undo_of(name, args) if self.power_loss else None
            result = _REAL[name](*args, **kwargs)
            if undo:
                self._undo.append(undo)
            if name == "fsync":
                inode = os.fstat(args[0]).st_ino
                self._undo = [(key, function) for key, function in self._undo if key != inode]
            return result

        return operation

    def _undo_of(self, name: str, args: tuple[Any, ...]) -> tuple[int, Callable[[], object]] | None:
        """What power loss does to an operation that is not synced."""
        if name == "open" and args[1] & os.O_CREAT and not os.path.lexists(args[0]):
            return self._entry(Path(args[0]), _REAL["unlink"])
        if name == "mkdir":
            return self._entry(Path(args[0]), shutil.rmtree)
        if name == "write":
            copy, size = os.dup(args[0]), os.fstat(args[0]).st_size
            self._handles.append(copy)
            return os.fstat(copy).st_ino, lambda: _REAL["ftruncate"](copy, size)
        if name in ("rename", "replace"):
            old = Path(args[1]).read_bytes() if Path(args[1]).is_file() else None
            return os.stat(Path(args[1]).parent).st_ino, lambda: _unrename(args[0], args[1], old)
        return None

    def _entry(self, path: Path, undo: Callable[..., object]) -> tuple[int, Callable[[], object]]:
        """Loss of a new name in a folder, which may be renamed meanwhile: it is held by a handle."""
        folder = _REAL["open"](path.parent, os.O_RDONLY)
        self._handles.append(folder)
        return os.fstat(folder).st_ino, lambda: undo(path.name, dir_fd=folder)

    def _lose(self, coin: random.Random) -> None:
        for _, undo in reversed(self._undo):
            if coin.random() < 0.7:
                with contextlib.suppress(OSError):
                    undo()


def _unrename(source: Any, target: Any, old: bytes | None) -> None:
    _REAL["rename"](target, source)
    if old is not None:
        Path(target).write_bytes(old)


def lose_power_after(action: Callable[[], object], seed: int) -> None:
    """Let an action end, then lose what it did not sync."""
    with Faults().installed() as counted:
        action()
    faults = Faults(counted.count + 1, power_loss=random.Random(seed))
    with faults.installed(), contextlib.suppress(Killed):
        action()
        os.scandir(".")


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file can be made or grow while the block runs; removing works."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def refuse_new(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        return refuse() if flags & os.O_CREAT else _REAL["open"](path, flags, *args, **kwargs)

    os.write, os.mkdir, os.open = refuse, refuse, refuse_new  # type: ignore[assignment]
    try:
        yield
    finally:
        os.write, os.mkdir, os.open = _REAL["write"], _REAL["mkdir"], _REAL["open"]
