"""Jobs on this machine: one warm worker process per slot (see :mod:`ppo_cli.sweeps.work.local.worker`).

A worker that crashes, is killed or hangs costs its own job only; its slot gets a new one. Nothing that a
worker does, or leaves undone, can block this process: threads read its answers and write its commands.
When this process dies, however it dies, the workers die.
"""

from __future__ import annotations

import json
import queue
import sys
import time
from collections.abc import Sequence

from ppo_cli.sweeps.work.events import JobEvent
from ppo_cli.sweeps.work.job import Job
from ppo_cli.sweeps.work.local.process import Inbox, WorkerProcess
from ppo_cli.sweeps.work.local.worker import SIGN_OF_LIFE
from ppo_cli.sweeps.work.worker_log import LOOK_SECONDS

# -P: a json.py in the working directory would be taken for Python's own.
WORKER = (sys.executable, "-P", "-m", "ppo_cli.sweeps.work.local.worker")

_POLL_SECONDS = 1.0


class LocalExecutor:
    """Runs jobs in worker processes of this machine (see :class:`ppo_cli.sweeps.work.executor.Executor`).

    Args:
        slots: Jobs side by side.
        hang_timeout: Seconds without a sign of life after which a worker is killed; some seconds at least.
        command: The command line of a worker.
    """

    def __init__(self, slots: int, hang_timeout: float = 300.0, command: Sequence[str] = WORKER) -> None:
        self.slots = slots
        self._hang_timeout = hang_timeout
        self._command = command
        self._workers: list[WorkerProcess | None] = [None] * slots
        self._inbox: Inbox = queue.SimpleQueue()
        self._last_poll = self._last_look = time.monotonic()

    def start(self, job: Job) -> None:
        """See :class:`ppo_cli.sweeps.work.executor.Executor`."""
        self._bury()
        free = [slot for slot, worker in enumerate(self._workers) if worker is None or worker.job is None]
        if not free:
            raise RuntimeError(f"all {self.slots} slots are taken")
        slot = min(free, key=lambda slot: self._workers[slot] is None)  # a warm worker first
        worker = self._workers[slot]
        if worker is None:
            log = job.folder / "logs" / f"worker-{slot}.log"
            self._workers[slot] = worker = WorkerProcess(slot, self._command, log, self._inbox)
        worker.start(job)

    def wait(self, seconds: float) -> list[JobEvent]:
        """See :class:`ppo_cli.sweeps.work.executor.Executor`."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            lines = self._take(min(max(left, 0.0), _POLL_SECONDS))
            self._count_silence()
            self._shorten_logs()
            outcomes = [self._read(worker, line) for worker, line in lines]
            outcomes += [self._end_hung(worker) for worker in self._busy()]
            events = [event for event in outcomes if event is not None]
            if events or left <= 0:
                return events

    def stop(self) -> None:
        """See :class:`ppo_cli.sweeps.work.executor.Executor`."""
        for worker in self._busy():
            worker.stop()

    def close(self) -> None:
        """See :class:`ppo_cli.sweeps.work.executor.Executor`."""
        for worker in self._workers:
            if worker is not None:
                self._drop(worker)

    def _busy(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers if worker is not None and worker.job is not None]

    def _bury(self) -> None:
        """Forget workers that died while they had nothing to do."""
        for worker in self._workers:
            if worker is not None and worker.job is None and not worker.is_alive():
                self._drop(worker)

    def _take(self, timeout: float) -> list[tuple[WorkerProcess, bytes]]:
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

    def _shorten_logs(self) -> None:
        """Keep workers that print and print from filling the disk."""
        if time.monotonic() - self._last_look >= LOOK_SECONDS:
            self._last_look = time.monotonic()
            for worker in self._workers:
                if worker is not None:
                    worker.shorten_log()

    def _read(self, worker: WorkerProcess, line: bytes) -> JobEvent | None:
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

    def _end_hung(self, worker: WorkerProcess) -> JobEvent | None:
        if worker.silent > self._hang_timeout:
            why = f"no sign of life for {self._hang_timeout:g} s, so it was killed"
            return self._died(worker, f"the worker process hung: {why}")
        if not worker.is_alive():
            worker.kill()  # its children may hold the pipe open, and its end is what we wait for
        return None

    def _died(self, worker: WorkerProcess, reason: str) -> JobEvent | None:
        job = worker.job
        self._drop(worker)
        return None if job is None else JobEvent(job.id, "died", reason=reason)

    def _drop(self, worker: WorkerProcess) -> None:
        self._workers[worker.slot] = None
        worker.kill()
