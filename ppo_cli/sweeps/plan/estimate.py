"""Estimate time, disk and memory of a sweep, from a short measurement of its populations."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ppo_cli.config.identity import static_key
from ppo_cli.envs.factory import env_spec
from ppo_cli.prepare.footprint import WORKER_BYTES, disk_bytes, memory_bytes
from ppo_cli.sweeps.plan.populations import JobRuns
from ppo_cli.sweeps.plan.resources import CoreSet
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec
from ppo_cli.sweeps.work.executor import Executor
from ppo_cli.sweeps.work.job import Job

MOST_PROBES = 6
"""Programs that are measured at most; for others the mean cost per environment step is assumed."""

_DEFAULT_EPISODE_STEPS = 1000  # of an environment without a time limit

MakeProbe = Callable[[str, JobRuns], Job]
"""Makes the job that measures a population, given its id."""


@dataclass(frozen=True)
class Estimate:
    """Time, disk and memory that a sweep will take.

    Attributes:
        seconds: Time from start to end, without pruning; None when it was not measured.
        disk: Bytes.
        memory: Bytes of the populations trained side by side, estimated from above.
        steps: Environment steps that are left, of all runs together.
    """

    seconds: float | None
    disk: int
    memory: int
    steps: int


@dataclass(frozen=True, order=True)
class Speed:
    """The speed of a population, as a probe measured it.

    Attributes:
        iteration_seconds: Seconds of an iteration of the population.
        step_seconds: Seconds of one environment step of one member in an evaluation.
    """

    iteration_seconds: float
    step_seconds: float


def estimate(
    populations: Sequence[JobRuns],
    executor: Executor,
    core_sets: Sequence[CoreSet],
    make_probe: MakeProbe,
    stop: Callable[[], bool],
    share_done: Callable[[str], float] = lambda name: 0.0,
) -> Estimate:
    """Train some iterations of the populations on every slot at once, and extrapolate.

    The length of evaluation episodes is not known before: half the time limit is assumed.

    Args:
        populations: Those to be trained.
        executor: The executor that will train them.
        core_sets: The processor cores of each slot.
        make_probe: See :data:`MakeProbe` and :func:`probes_in`.
        stop: Whether a stop was asked for.
        share_done: Share of a run's steps that is done, by its name.
    """
    largest: dict[str, JobRuns] = {}
    for population in populations:
        largest.setdefault(_program(population), population)
    speeds = measure(list(largest.values())[:MOST_PROBES], executor, core_sets, make_probe, stop)
    steps_left = [
        _num_steps(population) * (1.0 - sum(share_done(run.name) for run in population) / len(population))
        for population in populations
    ]
    largest_first = sorted((_memory(population) for population in populations), reverse=True)
    seconds = None
    if speeds:
        per_step = {
            key: _seconds(largest[key], speed) / _num_steps(largest[key]) for key, speed in speeds.items()
        }
        mean_per_step = sum(per_step.values()) / len(per_step)
        durations = [
            steps * per_step.get(_program(population), mean_per_step)
            for population, steps in zip(populations, steps_left, strict=True)
        ]
        seconds = makespan(durations, len(core_sets))
    return Estimate(
        seconds=seconds,
        disk=sum(disk_bytes(run.config) for population in populations for run in population),
        memory=sum(largest_first[: len(core_sets)]),
        steps=sum(map(round, steps_left)),
    )


def probes_in(folder: Path, spec: SweepSpec, *, allow_import: bool) -> MakeProbe:
    """Return what makes the probes of :func:`estimate`, for a sweep in a folder."""

    def make(job_id: str, runs: JobRuns) -> Job:
        env_requested = spec.env_requested
        return Job(job_id, folder, runs, probe=True, env_requested=env_requested, allow_import=allow_import)

    return make


def measure(
    populations: Sequence[JobRuns],
    executor: Executor,
    core_sets: Sequence[CoreSet],
    make_probe: MakeProbe,
    stop: Callable[[], bool],
) -> dict[str, Speed]:
    """Measure populations on all slots side by side; returns the slowest speed of each program.

    A population that fails here is left out: it will fail when it is trained, and be reported then.
    """
    probes = deque(_probes(populations, len(core_sets), make_probe))
    free = list(core_sets)
    under_way: dict[str, Job] = {}
    speeds: dict[str, list[Speed]] = {}
    while (probes and not stop()) or under_way:
        while probes and free and not stop():
            probe = replace(probes.popleft(), cores=free.pop(0))
            under_way[probe.id] = probe
            executor.start(probe)
        if stop():
            executor.stop()
        for event in executor.wait(0.25):
            if event.kind == "progress":
                continue
            probe = under_way.pop(event.job_id)
            free.append(probe.cores)
            if event.probe:
                speed = Speed(event.probe["iteration_seconds"], event.probe["step_seconds"])
                speeds.setdefault(_program(probe.runs), []).append(speed)
    return {key: max(measured) for key, measured in speeds.items()}


def makespan(seconds: Sequence[float], slots: int) -> float:
    """Compute when the last job ends, in seconds, each begun on the first slot that is free.

    >>> makespan([3.0, 2.0, 2.0], 2)
    4.0
    """
    ends = [0.0] * max(1, min(slots, len(seconds)))
    for duration in seconds:
        heapq.heapreplace(ends, ends[0] + duration)
    return max(ends)


def _probes(populations: Sequence[JobRuns], slots: int, make_probe: MakeProbe) -> Iterator[Job]:
    """A probe for each population, or for each slot if these are more: side by side all are slower."""
    for index in range(max(len(populations), slots) if populations else 0):
        yield make_probe(f"probe-{index + 1}", populations[index % len(populations)])


def _program(population: JobRuns) -> str:
    """Identify the program that a population runs: its static settings."""
    return static_key(population[0].config)


def _seconds(population: JobRuns, speed: Speed) -> float:
    """Compute the seconds of a population: its iterations and its evaluations."""
    config = population[0].config
    spec = env_spec(config.env_id, config.env_kwargs)
    evaluation = config.evaluation
    episodes = evaluation.num_evals * evaluation.eval_episodes + evaluation.final_eval_episodes
    length = (spec.max_episode_steps or _DEFAULT_EPISODE_STEPS) / 2
    evaluating = len(population) * episodes * length * speed.step_seconds
    return config.num_iterations * speed.iteration_seconds + evaluating


def _memory(population: JobRuns) -> int:
    """Estimate the bytes of memory of a population in its worker."""
    return WORKER_BYTES + len(population) * memory_bytes(population[0].config)


def _num_steps(population: JobRuns) -> int:
    """Count the environment steps of a population: those of whole iterations."""
    return sum(run.config.num_iterations * run.config.steps_per_iteration for run in population)
