"""Jobs on this machine: one warm worker process per slot (see :mod:`ppo_cli.sweep.worker`).

A worker that crashes, is killed or hangs costs its own job only; its slot gets a new one. Nothing that a
worker does, or leaves undone, can block this process: threads read its answers and write its commands.
When this process dies, however it dies, the workers die.
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
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from ppo_cli.errors import PpoError
from ppo_cli.files import storage_errors, write_all
from ppo_cli.sweep.executor import JobEvent
from ppo_cli.sweep.jobs import Job
from ppo_cli.sweep.worker import SIGN_OF_LIFE, STOP

# -P: a json.py in the working directory would be taken for Python's own.
WORKER = (sys.executable, "-P", "-m", "ppo_cli.sweep.worker")

_POLL_SECONDS = 1.0
_EXIT_SECONDS = 5.0  # to end after the pipe is closed, and to be gone after a kill
_MAX_LINE = 1 << 26
_MAX_QUOTE = 300


class LocalExecutor:
    """Runs jobs in worker processes of this machine (see :class:`ppo_cli.sweep.executor.Executor`).

    Args:
        slots: Jobs side by side.
        hang_timeout: Seconds without a sign of life after which a worker is killed; some seconds at least.
        command: The command line of a worker.
    """

    def __init__(self, slots: int, hang_timeout: float = 300.0, command: Sequence[str] = WORKER) -> None:
        self.slots = slots
        self._hang_timeout = hang_timeout
        self._command = command
        self._workers: list[_Worker | None] = [None] * slots
        self._inbox: Inbox = queue.SimpleQueue()
        self._last_poll = time.monotonic()

    def start(self, job: Job) -> None:
        """See :class:`ppo_cli.sweep.executor.Executor`."""
        self._bury()
        free = [slot for slot, worker in enumerate(self._workers) if worker is None or worker.job is None]
        if not free:
            raise RuntimeError(f"all {self.slots} slots are taken")
        slot = min(free, key=lambda slot: self._workers[slot] is None)  # a warm worker first
        worker = self._workers[slot]
        if worker is None:
            log = job.folder / "logs" / f"worker-{slot}.log"
            self._workers[slot] = worker = _Worker(slot, self._command, log, self._inbox)
        worker.start(job)

    def wait(self, seconds: float) -> list[JobEvent]:
        """See :class:`ppo_cli.sweep.executor.Executor`."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            lines = self._take(min(max(left, 0.0), _POLL_SECONDS))
            self._count_silence()
            found = [self._read(worker, line) for worker, line in lines]
            found += [self._end_hung(worker) for worker in self._busy()]
            events = [event for event in found if event is not None]
            if events or left <= 0:
                return events

    def stop(self) -> None:
        """See :class:`ppo_cli.sweep.executor.Executor`."""
        for worker in self._busy():
            worker.stop()

    def close(self) -> None:
        """See :class:`ppo_cli.sweep.executor.Executor`."""
        for worker in self._workers:
            if worker is not None:
                self._drop(worker)

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker is not None and worker.job is not None]

    def _bury(self) -> None:
        """Forget workers that died while they had nothing to do."""
        for worker in self._workers:
            if worker is not None and worker.job is None and not worker.is_alive():
                self._drop(worker)

    def _take(self, timeout: float) -> list[tuple[_Worker, bytes]]:
        """Wait for a line; those that have come by then."""
        try:
            lines = [self._inbox.get(timeout=timeout)]
        except queue.Empty:
            return []
        return lines + [self._inbox.get() for _ in range(self._inbox.qsize())]

    def _count_silence(self) -> None:
        """Time counts as silence only while we listen, not while this process was stopped or busy."""
        now = time.monotonic()
        passed, self._last_poll = min(now - self._last_poll, 2 * _POLL_SECONDS), now
        for worker in self._busy():
            worker.silent += passed

    def _read(self, worker: _Worker, line: bytes) -> JobEvent | None:
        """Understand a line of a worker; an empty one is the end of its answers."""
        if self._workers[worker.slot] is not worker:
            return None
        worker.silent = 0.0
        if line == SIGN_OF_LIFE:
            return None
        if not line.endswith(b"\n"):
            return self._died(worker, worker.cause_of_death())
        try:
            event = JobEvent.from_json(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return self._died(worker, f"the worker process sent what is no answer: {line[:80]!r}")
        if worker.job is None or event.job_id != worker.job.id:
            return None  # a thread that a job left behind still talks
        if event.kind == "failed":
            self._drop(worker)  # what an exception leaves behind must not reach the next job
        elif event.kind == "ended":
            worker.job = None
        return event

    def _end_hung(self, worker: _Worker) -> JobEvent | None:
        if worker.silent > self._hang_timeout:
            why = f"no sign of life for {self._hang_timeout:g} s, so it was killed"
            return self._died(worker, f"the worker process hung: {why}")
        if not worker.is_alive():
            worker.kill()  # its children may hold the pipe open, and its end is what we wait for
        return None

    def _died(self, worker: _Worker, reason: str) -> JobEvent | None:
        job = worker.job
        self._drop(worker)
        return None if job is None else JobEvent(job.id, "died", reason=reason)

    def _drop(self, worker: _Worker) -> None:
        self._workers[worker.slot] = None
        worker.kill()


class _Worker:
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
        with _log_file(log) as stderr, _blocked_signals():
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
        said = self._last_words()
        return f"the worker process ended with exit status {code}" + (f": {said}" if said else "")

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


Inbox = queue.SimpleQueue[tuple[_Worker, bytes]]


def _start_tied(command: Sequence[str], stderr: IO[bytes]) -> tuple[subprocess.Popen[bytes], int | None]:
    """Start a process that cannot outlive this one; the end of its standard input tells it.

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


def _popen(
    command: Sequence[str], stderr: IO[bytes], pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            pass_fds=pass_fds,
            env={**os.environ, "PYTHONPATH": _module_path()},
            start_new_session=True,  # Ctrl-C in the terminal is for us alone
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
        )
    except OSError as error:
        raise PpoError(f"cannot start a worker process: {error.strerror or error}") from error


@contextlib.contextmanager
def _log_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a log to append to it; a symbolic link could lead out of the sweep's folder."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with storage_errors(path):
        path.parent.mkdir(exist_ok=True)
        file = os.fdopen(os.open(path, flags, 0o644), "ab")
    with file:
        yield file


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


def _module_path() -> str:
    """Where a worker looks for modules: where this process does, except in the working directory."""
    package = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([*(path for path in sys.path if path), package])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
