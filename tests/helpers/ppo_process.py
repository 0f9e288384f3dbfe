"""``ppo`` in a process of its own: cold, a new interpreter; warm, forked from one that has imported torch."""

from __future__ import annotations

import contextlib
import functools
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from helpers.cli_runner import ROOT, Result, environment
from helpers.waiting import PATIENCE

_numbers = itertools.count()


class PpoProcess:
    """A running ``ppo``.

    Args:
        words: The words after ``ppo``.
        logs: Folder for what it prints.
        warm: Forked, within hundredths of a second, instead of started.
        max_file_bytes: Longest file that it may write: a disk that is full for it alone. Warm only.
        import_from: Folder with modules of the user's. Warm only.
    """

    def __init__(
        self,
        words: Sequence[object],
        logs: Path,
        *,
        warm: bool = True,
        max_file_bytes: int | None = None,
        import_from: Path | None = None,
    ) -> None:
        number = next(_numbers)
        self._out, self._err = logs / f"{number}.out", logs / f"{number}.err"
        texts = [str(word) for word in words]
        self._popen: subprocess.Popen[bytes] | None = None
        self._fork: Any = None
        if warm:
            arguments = (texts, self._out, self._err, max_file_bytes, import_from)
            self._fork = _warm_server().Process(target=_warm_main, args=arguments)
            self._fork.start()
        else:
            with self._out.open("wb") as out, self._err.open("wb") as err:
                self._popen = subprocess.Popen(
                    [sys.executable, "-m", "ppo_cli", *texts], stdout=out, stderr=err, env=environment()
                )
        self.pid: int = (self._popen or self._fork).pid

    def send(self, signum: int) -> None:
        """Send a signal, if it is still there."""
        if self.alive:
            os.kill(self.pid, signum)

    @property
    def alive(self) -> bool:
        return self._fork.is_alive() if self._popen is None else self._popen.poll() is None

    @property
    def progress(self) -> str:
        """What it has printed to stderr so far."""
        return _text(self._err)

    def children(self) -> list[int]:
        """The processes that it has started; none where the system has no ``/proc``."""
        return [pid for pid, parent, _ in _processes() if parent == self.pid]

    def wait(self) -> Result:
        """Wait for its end; one that hangs is killed and fails the test."""
        try:
            if self._popen is None:
                self._fork.join(PATIENCE)
                code = self._fork.exitcode
            else:
                code = self._popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            code = None
        if code is None:
            os.kill(self.pid, signal.SIGKILL)
            raise AssertionError(f"ppo hangs; it printed:\n{_text(self._out)}{_text(self._err)}")
        return Result(code, _text(self._out), _text(self._err))

    def wait_until(self, condition: Callable[[], object], *, poll: float = 0.002) -> bool:
        """Wait until something is so; False when the process ended before."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if not self.alive:
                return False
            assert time.monotonic() < deadline, f"this never came to pass; it printed:\n{_text(self._err)}"
            time.sleep(poll)
        return True


def _warm_main(
    words: list[str], out: Path, err: Path, max_file_bytes: int | None, import_from: Path | None
) -> None:
    from ppo_cli.cli import main

    for fd, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), fd)
    if import_from:
        sys.path.insert(0, str(import_from))
    if max_file_bytes is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))
    sys.argv = ["ppo", *words]
    main()


@functools.cache
def _warm_server() -> Any:
    """The context whose processes are forked from a server that has everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["helpers.warm_server"])
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be collected by its parent."""
    return any(found == pid and state not in "ZX" for found, _, state in _processes())


def _processes() -> Iterator[tuple[int, int, str]]:
    """Process number, parent's number and state of every process, as Linux tells them."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            yield int(path.parent.name), int(parent), state


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
