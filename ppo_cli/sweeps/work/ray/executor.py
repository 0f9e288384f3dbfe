"""The executor: hands jobs to Ray, passes on what they report, and says what became of those that fail."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppo_cli.errors import PpoError
from ppo_cli.sweeps.work.events import JobEvent
from ppo_cli.sweeps.work.job import Job, RunJob
from ppo_cli.sweeps.work.ray.messages import start_board
from ppo_cli.sweeps.work.ray.nodes import ANSWER_SECONDS, check_nodes, on_node, useful_nodes
from ppo_cli.sweeps.work.ray.starting import cluster, in_short, own_ray, silenced
from ppo_cli.sweeps.work.ray.worker import do_job, end_process
from ppo_cli.sweeps.work.run_job import run_job

_POLL_SECONDS = 0.1
_KILL_SECONDS = 60.0  # for a job that hangs to be gone; that waits for a Python to start, too
_CLOSE_SECONDS = 2.0  # for jobs to be gone before Ray ends whatever is left


class RayExecutor:
    """Runs jobs as Ray tasks (one :class:`~ppo_cli.sweeps.work.executor.Executor`); cores are left to Ray.

    Args:
        address: A cluster to connect to, ``auto`` or ``host:port``; None starts Ray on this machine, for this
            machine only, until :meth:`close`.
        folder: The sweep's folder.
        hang_timeout: Seconds without a sign of life after which a job is killed; some seconds at least.
        num_cpus: Processors of the Ray that is started here; None for all that this process may use.
        run_job: What does a job.

    Attributes:
        slots: Processors of the cluster.

    Raises:
        UsageError: Ray is not installed or cannot be reached, or a node cannot be used for this folder.
        StorageError: The folder cannot be written.
    """

    def __init__(
        self,
        address: str | None,
        folder: Path,
        *,
        hang_timeout: float = 300.0,
        num_cpus: int | None = None,
        run_job: RunJob = run_job,
    ) -> None:
        self._hang_timeout = hang_timeout
        self._run_job = run_job
        self._tasks: dict[str, _Task] = {}
        self._started = 0
        self._stopped: list[str] = []
        self._last_poll = time.monotonic()
        with contextlib.ExitStack() as stack:
            local = address is None or address == "local"
            self._ray = stack.enter_context(own_ray(num_cpus) if local else cluster(str(address)))
            stack.enter_context(silenced(self._ray))
            nodes = useful_nodes(self._ray)
            check_nodes(self._ray, nodes, folder.absolute())
            self.slots = sum(int(node["Resources"]["CPU"]) for node in nodes)
            self._board = start_board(self._ray)
            options = {"num_cpus": 1, "max_retries": 0, "scheduling_strategy": "SPREAD"}
            self._work = self._ray.remote(**options)(do_job)
            self._exit = stack.pop_all()

    def start(self, job: Job) -> None:
        """See :class:`ppo_cli.sweeps.work.executor.Executor`."""
        if len(self._tasks) >= self.slots:
            raise RuntimeError(f"all {self.slots} slots are taken")
        self._started += 1
        key = f"{job.id}#{self._started}"  # a job that is tried again must not hear from its first try
        self._tasks[key] = _Task(job.id, self._work.remote(self._run_job, job.to_json(), self._board, key))

    def wait(self, seconds: float) -> list[JobEvent]:
        """See :class:`ppo_cli.sweeps.work.executor.Executor`.

        Raises:
            PpoError: The connection to Ray is lost.
        """
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            done = self._wait_for_tasks(min(max(left, 0.0), _POLL_SECONDS))
            events = [event for key, message in self._exchange() for event in self._heard(key, message)]
            events += [self._ended(self._tasks.pop(key)) for key in done]
            events += self._count_silence()
            if events or left <= 0:
                return events

    def stop(self) -> None:
        """See :class:`ppo_cli.sweeps.work.executor.Executor`. Jobs that Ray has not begun are taken back."""
        self._stopped += self._tasks
        for task in self._tasks.values():
            if not task.place:
                task.taken_back = True
                self._cancel(task)

    def close(self) -> None:
        """See :class:`ppo_cli.sweeps.work.executor.Executor`. A cluster that was there before stays."""
        refs = [task.ref for task in self._tasks.values()]
        if refs:
            for task in self._tasks.values():
                self._cancel(task)
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.wait(refs, num_returns=len(refs), timeout=_CLOSE_SECONDS)
        self._tasks.clear()
        self._exit.close()

    def _wait_for_tasks(self, seconds: float) -> list[str]:
        """The tasks that are over, as soon as there is one."""
        if not self._tasks:
            time.sleep(seconds)
            return []
        by_ref = {task.ref: key for key, task in self._tasks.items()}
        done, _ = self._ray.wait(list(by_ref), timeout=seconds)
        return [by_ref[ref] for ref in done]

    def _exchange(self) -> list[tuple[str, Mapping[str, Any] | None]]:
        """Tell the board which jobs are to stop; take the messages that the jobs left there.

        All messages of a job are there when its task is over, because it waits until the board has them.
        """
        try:
            messages: list[tuple[str, Mapping[str, Any] | None]] = self._ray.get(
                self._board.exchange.remote(self._stopped), timeout=ANSWER_SECONDS
            )
        except self._ray.exceptions.RayError as error:
            raise PpoError(
                f"the connection to Ray is lost: {in_short(error)}",
                hint="The checkpoints are saved: run the command again to go on.",
            ) from error
        return messages

    def _heard(self, key: str, message: Mapping[str, Any] | None) -> Iterator[JobEvent]:
        """Understand a message of a job; None is nothing but a sign of life."""
        task = self._tasks.get(key)
        if task is None:
            return
        task.silent = 0.0
        if message is None:
            return
        if "node" in message:
            task.node, task.pid, task.log = message["node"], message["pid"], message["log"]
            task.place = f"the worker process {task.pid} on {message['address']}"
            return
        event = JobEvent.from_json(message)
        if event.kind == "progress":
            yield event
        else:
            task.failure = event  # to be reported when its process is gone, with all that it may have locked

    def _ended(self, task: _Task) -> JobEvent:
        """Make the event of a task that is over."""
        errors = self._ray.exceptions
        try:
            return JobEvent.from_json(self._ray.get(task.ref))
        except errors.RayTaskError as error:
            return JobEvent.failure(task.job_id, error.cause)
        except errors.RayError as error:
            if task.taken_back:
                return JobEvent(task.job_id, "ended")
            return task.failure or self._died(task, self._cause_of_death(task, error))

    def _died(self, task: _Task, reason: str) -> JobEvent:
        hint = f"Its output is in {task.log}" if task.log else None
        return JobEvent(task.job_id, "died", reason=reason, hint=hint)

    def _cause_of_death(self, task: _Task, error: Exception) -> str:
        errors, place = self._ray.exceptions, task.place or "a worker process"
        if task.is_hung:
            return f"{place} hung: no sign of life for {self._hang_timeout:g} s, so it was killed"
        if isinstance(error, errors.OutOfMemoryError):
            return f"{place} was killed, because its node was short of memory"
        if isinstance(error, errors.NodeDiedError):
            return f"{place} is gone with its node"
        if isinstance(error, errors.WorkerCrashedError):
            return f"{place} crashed or was killed"
        return f"{place} died: {in_short(error)}"

    def _count_silence(self) -> list[JobEvent]:
        """Kill jobs that hang; give up those that outlive it.

        Time counts as silence only while we listen: not while this process was stopped or busy elsewhere.
        """
        now = time.monotonic()
        passed, self._last_poll = min(now - self._last_poll, 2 * _POLL_SECONDS), now
        lost: list[JobEvent] = []
        for key, task in list(self._tasks.items()):
            task.silent += passed if task.place else 0.0  # not begun: it waits for a free processor
            if task.silent > self._hang_timeout and not task.is_hung:
                task.is_hung = True
                there = on_node(self._ray, task.node)
                self._ray.remote(num_cpus=0, scheduling_strategy=there)(end_process).remote(task.pid)
            if task.silent > self._hang_timeout + _KILL_SECONDS:
                del self._tasks[key]
                lost.append(self._died(task, f"{task.place} hangs, and cannot be killed"))
        return lost

    def _cancel(self, task: _Task) -> None:
        """Let Ray end a job. When it says that it is over, its process may still be there for a moment."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.cancel(task.ref, force=True)


@dataclass
class _Task:
    """A job under way.

    Attributes:
        job_id: The job.
        ref: Ray's promise of its end.
        place: The process that does it, for people; empty before it has begun.
        node: Ray's name for that process's node.
        pid: Its number there.
        log: The file with its output.
        silent: Seconds since it gave a sign of life.
        failure: What it reported of its failure.
        is_hung: Whether it was killed because it hung.
        taken_back: Whether it was cancelled before it began.
    """

    job_id: str
    ref: Any
    place: str = ""
    node: str = ""
    pid: int = 0
    log: str = ""
    silent: float = 0.0
    failure: JobEvent | None = None
    is_hung: bool = False
    taken_back: bool = False
