"""A worker process of :mod:`ppo_cli.sweeps.work.local.executor` from outside: its start, its pipes, its end.

What runs inside is :mod:`ppo_cli.sweeps.work.local.worker`.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from ppo_cli.envs.python_path import module_path
from ppo_cli.errors import PpoError
from ppo_cli.storage.files import write_all
from ppo_cli.sweeps.work.job import Job
from ppo_cli.sweeps.work.local.worker import STOP
from ppo_cli.sweeps.work.worker_log import open_log, shorten

_EXIT_SECONDS = 5.0  # to end after the pipe is closed, and to be gone after a kill
_MAX_LINE = 1 << 26
_MAX_QUOTE = 300


class WorkerProcess:
    """One worker process and the threads at its pipes.

    Raises PpoError when the system gives no process, and StorageError when the log cannot be written.

    Args:
        slot: Its slot.
        command: Its command line.
        log: File for what it prints.
        inbox: Where its lines go; an empty one at their end.

    Attributes:
        job: The job that it does.
        silent: Seconds since it gave a sign of life.
    """

    def __init__(self, slot: int, command: Sequence[str], log: Path, inbox: Inbox) -> None:
        self.slot = slot
        self.job: Job | None = None
        self.silent = 0.0
        self._log = log
        self._log_start = 0
        self._inbox = inbox
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._killed = False
        with open_log(log) as stderr, _blocked_signals():
            self._process, self._lifeline = _start_tied(command, stderr)
        for work in (self._read, self._write):
            threading.Thread(target=work, name=f"worker-{slot}", daemon=True).start()

    def start(self, job: Job) -> None:
        """Hand it a job."""
        line = json.dumps(job.to_json()).encode() + b"\n"
        self.job, self.silent = job, 0.0
        with contextlib.suppress(OSError):
            self._log_start = self._log.stat().st_size
        self._outbox.put(line)

    def shorten_log(self) -> None:
        """Keep the end of what it printed if that is too long."""
        self._log_start = max(0, self._log_start - shorten(self._log))

    def stop(self) -> None:
        """Ask it to stop its job."""
        self._outbox.put(STOP)

    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def cause_of_death(self) -> str:
        """Why its answers ended, in words."""
        try:
            code = self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            return "the worker process broke off its answers, so it was killed"
        if code < 0:
            name = _signal_name(-code)
            more = "the system does that when memory runs out" if name == "SIGKILL" else f"see {self._log}"
            return f"the worker process was killed by {name} ({more})"
        last_words = self._last_words()
        return f"the worker process ended with exit status {code}" + (f": {last_words}" if last_words else "")

    def kill(self) -> None:
        """End the process and all that it has started, whatever they are doing. Twice does nothing more."""
        if self._killed:
            return
        self._killed = True
        # Its number is still its own: it is there, not yet waited for, or was so a moment ago.
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_EXIT_SECONDS)
        self._outbox.put(None)
        if self._lifeline is not None:
            os.close(self._lifeline)
        self.shorten_log()

    def _last_words(self) -> str:
        """The end of what it printed during this job."""
        with contextlib.suppress(OSError), self._log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, size - 4096))
            lines = file.read(4096).decode(errors="replace").split("\n")
            return next((line.strip()[-_MAX_QUOTE:] for line in reversed(lines) if line.strip()), "")
        return ""

    def _read(self) -> None:
        """Pass its lines on (the work of a thread)."""
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            while line := answers.readline(_MAX_LINE):
                self._inbox.put((self, line))
        self._inbox.put((self, b""))

    def _write(self) -> None:
        """Send what is in the outbox (the work of a thread): a worker that does not read blocks only this."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as commands:
            while (line := self._outbox.get()) is not None:
                write_all(commands.fileno(), line)


Inbox = queue.SimpleQueue[tuple[WorkerProcess, bytes]]


def _start_tied(command: Sequence[str], stderr: int) -> tuple[subprocess.Popen[bytes], int | None]:
    """Start a process that cannot outlive this one; the end of its standard input asks it to go.

    On Linux the system sees to it, even if the process never comes to read: it holds one end of a pipe that
    nobody writes to. All that can happen to that pipe is that this process dies and its end closes, and the
    system is asked to tell that by SIGKILL, to the process and its children. (``PR_SET_PDEATHSIG`` is sent
    when the thread ends that started the process, and not to its children.)

    Returns:
        The process, and our end of the pipe.
    """
    if sys.platform == "linux":
        import fcntl

        theirs, ours = os.pipe()
        try:
            process = _popen(command, stderr, pass_fds=(theirs,))
            with contextlib.suppress(OSError):  # a sandbox may lack it
                fcntl.fcntl(theirs, fcntl.F_SETOWN, -process.pid)  # negative: the group
                fcntl.fcntl(theirs, fcntl.F_SETSIG, signal.SIGKILL)
                fcntl.fcntl(theirs, fcntl.F_SETFL, os.O_ASYNC)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return process, ours
    else:
        return _popen(command, stderr), None


def _popen(command: Sequence[str], stderr: int, pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            pass_fds=pass_fds,
            env={**os.environ, "PYTHONPATH": module_path()},
            start_new_session=True,  # Ctrl-C in the terminal is for us alone
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
        )
    except OSError as error:
        raise PpoError(f"cannot start a worker process: {error.strerror or error}") from error


@contextlib.contextmanager
def _blocked_signals() -> Iterator[None]:
    """Processes started in this block inherit that these signals are blocked; we decide when they stop.

    A service manager sends its SIGTERM to all processes.
    """
    if sys.platform == "win32":
        yield
    else:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
