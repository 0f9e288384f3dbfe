"""Carry out a job in a worker: train its population and report the progress. Only this loads torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ppo_cli.sweeps.work.job import Job, Tell

if TYPE_CHECKING:
    from ppo_cli.learn.iteration_report import IterationReport, MemberReport

_TELL_SECONDS = 0.5
_PROBE_SECONDS = 1.0


def run_job(job: Job, tell: Tell, stop: Callable[[], bool]) -> dict[str, Any]:
    """Train the runs of a job, or measure them.

    Args:
        job: The job.
        tell: Called with ``{"kind": "progress", "runs": {name: ...}, "notices": [...]}``, at most twice a
            second.
        stop: Asked often; when true, training ends with a checkpoint.

    Returns:
        The runs by name as they ended, ``{"runs": {name: {"status", "global_step", "fraction", "eval",
        "reason"}}}``; of a probe, ``{"probe": {"iteration_seconds", "step_seconds"}}``, or an empty one.

    Raises:
        PpoError: The job as a whole cannot go on: which run it was is not known.
    """
    import torch

    from ppo_cli.envs.consent import agree_to_run

    torch.set_num_threads(1)
    configs = [run.config for run in job.runs]
    by_imports = {(config.env_id, config.reward_shaping.terms): config for config in configs}
    for config in by_imports.values():
        agree_to_run(config, allow_import=job.allow_import)
    return {"probe": _probe(job, stop)} if job.probe else {"runs": _train(job, tell, stop)}


def _train(job: Job, tell: Tell, stop: Callable[[], bool]) -> dict[str, Any]:
    """Train the runs of a job; returns how each ended, by name."""
    from ppo_cli.learn.trainer import train
    from ppo_cli.prepare.launch import prepare_in_folder

    configs = {run.name: run.config for run in job.runs}
    populations = prepare_in_folder(configs, job.folder, env_requested=job.env_requested, command=job.command)
    ended: dict[str, Any] = {}
    for population in populations:
        if stop():
            break
        last_tell, notices = 0.0, list(population.notices)
        for report in train(population, stop=stop, until=job.until):
            ended |= {member.name: _run_state(member, report) for member in report.members}
            notices += report.notices
            if time.perf_counter() - last_tell >= _TELL_SECONDS:
                last_tell = time.perf_counter()
                tell({"kind": "progress", "runs": dict(ended), "notices": notices})
                notices = []
        if notices:
            tell({"kind": "progress", "runs": dict(ended), "notices": notices})
    return ended


def _run_state(member: MemberReport, report: IterationReport) -> dict[str, Any]:
    """Describe a run as JSON data."""
    return {
        "status": member.status,
        "global_step": report.global_step,
        "fraction": report.iteration / report.num_iterations,
        "eval": member.last_eval.mean if member.last_eval else None,
        "reason": member.reason,
    }


def _probe(job: Job, stop: Callable[[], bool]) -> dict[str, float]:
    """Measure the seconds of an iteration, and of one environment step of one member outside of updates.

    Empty when no member trains long enough for that.
    """
    from ppo_cli.learn.build import open_population
    from ppo_cli.learn.population import Member, Population
    from ppo_cli.learn.trainer import collect, train_iteration

    population = Population(tuple(Member(run.config) for run in job.runs))
    with open_population(population) as state:
        seconds: list[float] = []
        while (
            state.members  # all may diverge
            and len(seconds) < state.num_iterations
            and sum(seconds[1:]) < _PROBE_SECONDS
            and not stop()
        ):
            began = time.perf_counter()
            train_iteration(state, stop)
            seconds.append(time.perf_counter() - began)
        if not state.members or not seconds:
            return {}
        began = time.perf_counter()
        collect(state)
        steps = state.config.steps_per_iteration * len(state.members)
        step_seconds = (time.perf_counter() - began) / steps
        # The first iteration is slow: memory is fetched, environments are reset.
        return {"iteration_seconds": fmean(seconds[1:] or seconds), "step_seconds": step_seconds}
