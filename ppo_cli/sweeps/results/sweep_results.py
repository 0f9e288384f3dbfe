"""The results of a whole sweep: its runs, and those that check the best point on held-out seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ppo_cli.sweeps.folder.sweep_dir import SweepDir
from ppo_cli.sweeps.folder.sweep_yaml import read_spec
from ppo_cli.sweeps.results.point_result import PointResult, best_point, results_per_point
from ppo_cli.sweeps.results.run_result import RunResult, read_run
from ppo_cli.sweeps.spec.planned_runs import PlannedRun, planned_runs
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec

HELD_OUT_OFFSET = 1_000_000
"""Held-out seeds begin so far above the sweep's first one, out of reach of a sweep that gets more seeds."""

_SEEDS = 2**32


@dataclass(frozen=True)
class SweepResults:
    """A sweep and how its runs stand.

    Attributes:
        folder: The sweep's folder.
        spec: What is swept.
        runs: Its runs.
        held_out: The runs that check the best point, as far as they have begun.
    """

    folder: SweepDir
    spec: SweepSpec
    runs: Sequence[RunResult]
    held_out: Sequence[RunResult] = ()

    def points(self) -> list[PointResult]:
        """Sum up the runs of each point."""
        return results_per_point(self.runs)

    def best(self) -> PointResult | None:
        """The best point; None where none of its runs is complete, or environments are compared."""
        return best_point(self.points()) if len(self.spec.env_ids) == 1 else None


def read_sweep(folder: SweepDir) -> SweepResults:
    """Read a sweep's folder without running it.

    Raises:
        UsageError, CorruptFileError: Its ``sweep.yaml`` is wrong or damaged.
    """
    spec = read_spec(folder.spec_path)
    runs = [read_run(planned, folder.run(planned.name)) for planned in planned_runs(spec)]
    held_out = [
        read_run(planned, folder.held_out.run(planned.name))
        for planned in held_out_runs(SweepResults(folder, spec, runs))
    ]
    return SweepResults(folder, spec, runs, held_out)


def held_out_runs(results: SweepResults) -> list[PlannedRun]:
    """The runs that check the best point on seeds that the sweep has not seen; none without a best point."""
    best, spec = results.best(), results.spec
    if best is None:
        return []
    first = spec.base.seed + HELD_OUT_OFFSET
    seeds = [(first + index) % _SEEDS for index in range(spec.confirm)]
    return [PlannedRun(best.point, seed, spec.config(best.point, seed)) for seed in seeds]
