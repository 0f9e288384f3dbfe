"""Carry out jobs: keep slots busy, try a dead worker's job again, leave out a run that is to blame."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ppo_cli.errors import RunLockedError, StorageError
from ppo_cli.sweeps.work.events import JobEvent
from ppo_cli.sweeps.work.executor import Executor
from ppo_cli.sweeps.work.job import Job

TRIES = 2
"""Times that a job's process may die before the job is cut in two."""

_WAIT_SECONDS = 0.25


@dataclass(frozen=True)
class Failure:
    """A run that cannot be trained: as the only run of a job, it failed or its worker died.

    Attributes:
        name: The run.
        reason: Why.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Step:
    """Events since the last step.

    Attributes:
        events: Events of jobs.
        ended: Jobs that are no longer under way; their results are in the folders of their runs.
        failures: Runs that are given up.
        notices: What the user should know.
    """

    events: tuple[JobEvent, ...]
    ended: tuple[Job, ...]
    failures: tuple[Failure, ...]
    notices: tuple[str, ...]


def carry_out(
    jobs: Sequence[Job], executor: Executor, core_sets: Sequence[tuple[int, ...]], stop: Callable[[], bool]
) -> Iterator[Step]:
    """Carry out jobs until all are done, or until ``stop()`` says so and those under way have stopped.

    A job whose process dies is tried again, where it stopped; when it dies again, or when it fails, it is cut
    in two, until the run that is to blame is alone.

    Args:
        jobs: The jobs, in the order in which they are to begin.
        executor: Carries them out.
        core_sets: Processor cores for the jobs under way, one set for each that can be under way at once.
        stop: Whether a stop was asked for.

    Yields:
        What happened, several times a second.

    Raises:
        StorageError, RunLockedError: A job met a full disk or another process's lock: no job would do better.
    """
    queue = deque(jobs)
    free = list(core_sets)
    under_way: dict[str, Job] = {}
    tries: Counter[str] = Counter()
    stopping = False
    while queue or under_way:
        if stop():
            queue.clear()  # also of what failed since, and would be tried again
            if not stopping:
                stopping = True
                executor.stop()
        while queue and free and len(under_way) < executor.slots:
            job = replace(queue.popleft(), cores=free.pop(0))
            under_way[job.id] = job
            executor.start(job)
        events = executor.wait(_WAIT_SECONDS)
        ended: list[Job] = []
        failures: list[Failure] = []
        notices: list[str] = []
        for event in events:
            notices += event.notices
            if event.kind == "progress" or event.job_id not in under_way:
                continue
            job = under_way.pop(event.job_id)
            free.append(job.cores)
            ended.append(job)
            if event.kind == "ended" or (stopping and event.kind == "died"):
                continue
            retries, notice = _retries(job, event, tries)
            notices += [notice] if notice else []
            queue.extendleft(retries)
            failures += [] if retries else [Failure(run.name, event.reason) for run in job.runs]
        yield Step(tuple(events), tuple(ended), tuple(failures), tuple(notices))


def _retries(job: Job, event: JobEvent, tries: Counter[str]) -> tuple[list[Job], str]:
    """Make the jobs to start in place of one that failed or died, none when its only run is given up."""
    for kind in (StorageError, RunLockedError):
        if event.kind == "failed" and event.exit_code == kind.exit_code:
            raise kind(event.reason, hint=event.hint)
    tries[job.id] += 1
    if event.kind == "died" and tries[job.id] < TRIES:
        return [job], f"job {job.id}: {event.reason}; it goes on from the last checkpoints"
    if len(job.runs) == 1:
        return [], ""
    middle = len(job.runs) // 2
    halves = [
        replace(job, id=f"{job.id}{letter}", runs=runs)
        for letter, runs in (("b", job.runs[middle:]), ("a", job.runs[:middle]))
    ]
    return halves, f"job {job.id}: {event.reason}; its {len(job.runs)} runs go on in two jobs"
