"""How long a sweep will take and how much disk, from a short measurement of its populations."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ppo_cli.config.identity import static_key
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.factory import env_spec
from ppo_cli.prepare.footprint import WORKER_BYTES, disk_bytes, memory_bytes
from ppo_cli.sweep.work.executor import Executor
from ppo_cli.sweep.work.jobs import Job, JobRun

MOST_PROBES = 6
"""Programs that are measured; the others are taken to cost as much per environment step."""

_DEFAULT_EPISODE_STEPS = 1000  # of an environment without a time limit


@dataclass(frozen=True)
class Estimate:
    """What a sweep will take.

    Attributes:
        seconds: Time from start to end, without pruning; None when it was not measured.
        disk: Bytes.
        memory: Bytes that the populations take that are trained side by side, estimated from above.
        steps: Environment steps that are left, of all runs together.
    """

    seconds: float | None
    disk: int
    memory: int
    steps: int


def estimate(
    parts: Sequence[tuple[JobRun, ...]],
    executor: Executor,
    core_sets: Sequence[tuple[int, ...]],
    job: Callable[[str, tuple[JobRun, ...]], Job],
    stop: Callable[[], bool],
    done: Callable[[str], float] = lambda name: 0.0,
) -> Estimate:
    """Train some iterations of the populations on every slot at once, and reckon from there.

    An evaluation's length is not known before: its episodes are taken to last half the time limit.

    Args:
        parts: The populations.
        executor: Who will train them.
        core_sets: The processor cores of each slot.
        job: Makes the probe of a population, given its id.
        stop: Whether a stop was asked for.
        done: Share of a run's steps that is done, by its name.
    """
    largest: dict[str, tuple[JobRun, ...]] = {}
    for part in parts:
        largest.setdefault(static_key(part[0].config), part)
    measured = _measure(list(largest.values())[:MOST_PROBES], executor, core_sets, job, stop)
    disk = sum(disk_bytes(run.config) for part in parts for run in part)
    left = [1.0 - sum(done(run.name) for run in part) / len(part) for part in parts]
    steps = sum(round(_work(part) * share) for part, share in zip(parts, left, strict=True))
    largest_first = sorted((_memory(part) for part in parts), reverse=True)
    memory = sum(largest_first[: len(core_sets)])
    if not measured:
        return Estimate(None, disk, memory, steps)
    speeds = {
        key: _seconds(largest[key], *numbers) / _work(largest[key]) for key, numbers in measured.items()
    }
    usual = sum(speeds.values()) / len(speeds)
    seconds = [
        _work(part) * share * speeds.get(static_key(part[0].config), usual)
        for part, share in zip(parts, left, strict=True)
    ]
    return Estimate(_makespan(seconds, len(core_sets)), disk, memory, steps)


def _measure(
    parts: Sequence[tuple[JobRun, ...]],
    executor: Executor,
    core_sets: Sequence[tuple[int, ...]],
    job: Callable[[str, tuple[JobRun, ...]], Job],
    stop: Callable[[], bool],
) -> dict[str, tuple[float, float]]:
    """Seconds of an iteration and of an evaluation's step, by static half; all slots measure side by side."""
    waiting = [parts[i % len(parts)] for i in range(max(len(parts), len(core_sets)))] if parts else []
    under_way: dict[str, tuple[tuple[JobRun, ...], tuple[int, ...]]] = {}
    free = list(core_sets)
    found: dict[str, list[tuple[float, float]]] = {}
    number = 0
    while (waiting and not stop()) or under_way:
        while waiting and free and not stop():
            part, cores, number = waiting.pop(0), free.pop(0), number + 1
            one = job(f"probe-{number}", part)
            under_way[one.id] = part, cores
            executor.start(Job(**{**vars(one), "cores": cores, "probe": True}))
        if stop():
            executor.stop()
        for event in executor.wait(0.25):
            if event.kind == "progress":
                continue
            part, cores = under_way.pop(event.job_id)
            free.append(cores)
            if event.probe:  # what fails here will fail when it is trained, and be told then
                numbers = event.probe["iteration_seconds"], event.probe["step_seconds"]
                found.setdefault(static_key(part[0].config), []).append(numbers)
    return {key: max(numbers) for key, numbers in found.items()}


def _seconds(part: Sequence[JobRun], iteration_seconds: float, step_seconds: float) -> float:
    """Seconds of a population: its iterations and its evaluations."""
    config = part[0].config
    spec = env_spec(config.env_id, config.env_kwargs)
    evaluation = config.evaluation
    episodes = evaluation.num_evals * evaluation.eval_episodes + evaluation.final_eval_episodes
    length = (spec.max_episode_steps or _DEFAULT_EPISODE_STEPS) / 2
    return config.num_iterations * iteration_seconds + len(part) * episodes * length * step_seconds


def _memory(part: Sequence[JobRun]) -> int:
    return WORKER_BYTES + len(part) * memory_bytes(part[0].config)


def _steps(config: RunConfig) -> int:
    return config.num_iterations * config.steps_per_iteration


def _work(part: Sequence[JobRun]) -> int:
    return sum(_steps(run.config) for run in part)


def _makespan(seconds: Sequence[float], slots: int) -> float:
    """When the last job ends, each begun on the first slot that is free."""
    ends = [0.0] * max(1, min(slots, len(seconds)))
    for one in seconds:
        heapq.heapreplace(ends, ends[0] + one)
    return max(ends)


def probe_job(
    folder: Path, env_requested: str, allow_import: bool
) -> Callable[[str, tuple[JobRun, ...]], Job]:
    """How :func:`estimate` makes its probes."""

    def make(job_id: str, runs: tuple[JobRun, ...]) -> Job:
        return Job(job_id, folder, runs, probe=True, env_requested=env_requested, allow_import=allow_import)

    return make
