"""Cutting runs into populations: what one worker trains at a time, because it shares a program."""

from __future__ import annotations

from collections.abc import Sequence

from ppo_cli.config.identity import static_key
from ppo_cli.prepare.footprint import memory_bytes
from ppo_cli.sweeps.plan.resources import Resources, parts
from ppo_cli.sweeps.spec.planned_runs import PlannedRun
from ppo_cli.sweeps.work.job import JobRun

JobRuns = tuple[JobRun, ...]
"""The runs of one population."""


def cut_into_populations(runs: Sequence[PlannedRun], resources: Resources) -> list[JobRuns]:
    """Cut runs into populations: equal static settings, every slot with work, none too large.

    Args:
        runs: The runs, in any order.
        resources: How many populations are trained side by side, and how large one may be.

    Returns:
        The largest first, which keeps the slots busy to the end.
    """
    groups: dict[str, list[JobRun]] = {}
    for run in runs:
        groups.setdefault(static_key(run.config), []).append(JobRun(run.name, run.config))
    total = sum(map(_num_steps, groups.values()))
    populations: list[JobRuns] = []
    for group in groups.values():
        at_once = max(1, min(resources.max_members, resources.max_bytes // memory_bytes(group[0].config)))
        share = resources.slots * _num_steps(group) / total  # slots that this group would keep busy
        count = max(-(-len(group) // at_once), min(len(group), round(share)), 1)
        populations += map(tuple, parts(group, count))
    return sorted(populations, key=_num_steps, reverse=True)


def _num_steps(runs: Sequence[JobRun]) -> int:
    """Environment steps of some runs together."""
    return sum(run.config.total_timesteps for run in runs)
