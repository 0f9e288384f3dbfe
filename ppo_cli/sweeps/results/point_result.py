"""The result of a point: mean over its seeds, interval of the mean, and the runs that were lost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppo_cli.comparison.statistics import iqm
from ppo_cli.runs.eval_stats import mean_interval
from ppo_cli.runs.payable import Interval, cut, payable, why_cut
from ppo_cli.sweeps.results.run_result import FINAL, LOST, PRUNED, RunResult
from ppo_cli.sweeps.spec.points import Point


@dataclass(frozen=True)
class PointResult:
    """The result of a point over its seeds.

    Attributes:
        point: The point.
        seeds: The seeds of the complete runs.
        returns: Mean return of the final evaluation of each of them.
        n_failed: Runs that diverged or failed.
        n_pruned: Runs that a rung stopped.
        n_missing: Runs that are not done yet.
        steps: Environment steps of all its runs.
        wall_time: Longest time of a run in seconds.
        bounds: What an episode can pay at the least and at the most; None where that is not known.
        pruned_mean: Where a rung stopped it, the mean of the last evaluations over its runs.
        pruned_after: After what share of the steps that was.
    """

    point: Point
    seeds: tuple[int, ...]
    returns: tuple[float, ...]
    n_failed: int
    n_pruned: int
    n_missing: int
    steps: int
    wall_time: float
    bounds: Interval | None = None
    pruned_mean: float | None = None
    pruned_after: float | None = None

    @property
    def mean(self) -> float:
        """Mean over seeds; NaN without any."""
        return math.fsum(self.returns) / len(self.returns) if self.returns else math.nan

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % confidence interval of the mean over seeds (Student's t), cut to what an episode can pay."""
        return cut(mean_interval(self.returns), self.bounds)

    @property
    def why_cut(self) -> str:
        """Why the interval is cut, where it is; empty where not."""
        return why_cut(mean_interval(self.returns), self.ci95, len(self.returns))

    @property
    def iqm(self) -> float:
        """Interquartile mean over seeds; NaN without any."""
        return iqm(self.returns) if self.returns else math.nan

    def to_json(self) -> dict[str, Any]:
        """The point's document."""
        return {
            "point": self.point.to_json(),
            "label": self.point.label,
            "n_seeds": len(self.returns),
            "mean": self.mean,
            "ci95": list(self.ci95),
            "iqm": self.iqm,
            "returns": list(self.returns),
            "seeds": list(self.seeds),
            "failed": self.n_failed,
            "pruned": self.n_pruned,
            "missing": self.n_missing,
            "steps": self.steps,
            "wall_time": self.wall_time,
            "payable": None if self.bounds is None else list(self.bounds),
            "pruned_mean": self.pruned_mean,
            "pruned_after": self.pruned_after,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PointResult:
        """The point that :meth:`to_json` described."""
        return cls(
            point=Point.of(document["point"]),
            seeds=tuple(document["seeds"]),
            returns=tuple(document["returns"]),
            n_failed=document["failed"],
            n_pruned=document["pruned"],
            n_missing=document["missing"],
            steps=document["steps"],
            wall_time=document["wall_time"],
            bounds=tuple(bounds) if (bounds := document.get("payable")) else None,
            pruned_mean=document.get("pruned_mean"),
            pruned_after=document.get("pruned_after"),
        )


def results_per_point(runs: Iterable[RunResult]) -> list[PointResult]:
    """Sum up runs by point, in the order in which the points first come."""
    groups: dict[Point, list[RunResult]] = {}
    for run in runs:
        groups.setdefault(run.planned.point, []).append(run)
    return [_point_result(point, own) for point, own in groups.items()]


def best_point(points: Sequence[PointResult]) -> PointResult | None:
    """Choose the point with the best mean, among those with the fewest seeds lost and the most done.

    A point that diverges on one seed of five is not better for it: the mean of its survivors does not count
    as long as there is a point that trains on every seed.
    """
    with_returns = [result for result in points if result.returns]
    return min(
        with_returns, key=lambda result: (result.n_failed, -len(result.returns), -result.mean), default=None
    )


def best_first(points: Sequence[PointResult]) -> list[PointResult]:
    """Sort points from the best mean to the worst; those without a mean stay in order, at the end."""
    return sorted(points, key=lambda result: -result.mean if result.returns else math.inf)


def _point_result(point: Point, runs: Sequence[RunResult]) -> PointResult:
    """Sum up the runs of one point."""
    done = [run for run in runs if run.final is not None]
    statuses, config = [run.status for run in runs], runs[0].planned.config
    pruned_mean, pruned_after = _when_pruned([run for run in runs if run.status == PRUNED])
    return PointResult(
        point=point,
        seeds=tuple(run.planned.seed for run in done),
        returns=tuple(run.final for run in done if run.final is not None),
        n_failed=sum(status in LOST for status in statuses),
        n_pruned=statuses.count(PRUNED),
        n_missing=sum(status not in FINAL for status in statuses),
        steps=sum(run.global_step for run in runs),
        wall_time=max((run.wall_time for run in runs), default=0.0),
        bounds=payable(config.env_id, config.env_kwargs),
        pruned_mean=pruned_mean,
        pruned_after=pruned_after,
    )


def _when_pruned(runs: Sequence[RunResult]) -> tuple[float | None, float | None]:
    """The mean of the last evaluations of pruned runs, and after what share of the steps that was."""
    last = [run.last_evaluation for run in runs if run.last_evaluation is not None]
    shares = [run.global_step / run.planned.config.total_timesteps for run in runs]
    return (math.fsum(last) / len(last), max(shares)) if last else (None, None)
