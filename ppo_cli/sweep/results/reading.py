"""Reading a sweep's folder without running it."""

from __future__ import annotations

from ppo_cli.sweep.results.results import PlannedRun, RunResult, best_point, by_point, read_run
from ppo_cli.sweep.results.sweep_dir import SweepDir
from ppo_cli.sweep.spec.spec import SweepSpec
from ppo_cli.sweep.spec.spec_file import read_spec

HELD_OUT_OFFSET = 1_000_000
"""Held-out seeds begin so far above the sweep's first one, out of reach of a sweep that gets more seeds."""

_SEEDS = 2**32


def sweep_results(folder: SweepDir) -> tuple[SweepSpec, list[RunResult]]:
    """What a folder sweeps, and how its runs stand.

    Raises:
        UsageError, CorruptFileError: Its ``sweep.yaml`` is wrong or damaged.
    """
    spec = read_spec(folder.spec_path)
    planned = planned_runs(spec)
    return spec, [read_run(run, folder.run(run.name)) for run in planned]


def planned_runs(spec: SweepSpec) -> list[PlannedRun]:
    """All runs of a sweep, as far as its points are known.

    Raises:
        UsageError: The settings of a point do not go together.
    """
    return [
        PlannedRun(point, seed, spec.config(point, seed)) for point in spec.points() for seed in spec.seeds
    ]


def held_out_runs(spec: SweepSpec, runs: list[RunResult]) -> list[PlannedRun]:
    """The runs that check the best point on seeds that the sweep has not seen; none without one."""
    best = best_point(by_point(runs)) if len(spec.env_ids) == 1 else None
    if best is None:
        return []
    first = spec.base.seed + HELD_OUT_OFFSET
    seeds = [(first + index) % _SEEDS for index in range(spec.confirm)]
    return [PlannedRun(best.point, seed, spec.config(best.point, seed)) for seed in seeds]
