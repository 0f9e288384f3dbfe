"""What the runs of a sweep came to: read from their folders, summed up per point. No torch."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppo_cli.compare.statistics import iqm
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import CorruptFileError
from ppo_cli.runs.eval_stats import mean_interval
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.sweep.spec.points import Point

WAITING, INTERRUPTED, COMPLETED, DIVERGED, FAILED, PRUNED = (
    "waiting",
    "interrupted",
    "completed",
    "diverged",
    "failed",
    "pruned",
)
FINAL = frozenset({COMPLETED, DIVERGED, FAILED, PRUNED})
"""The statuses of runs that are not trained further."""

LOST = frozenset({DIVERGED, FAILED})
GIVEN_UP = "given_up"
"""Key of a ``summary.json`` that a sweep wrote: the run fails by itself, not with the others of its job."""


@dataclass(frozen=True)
class PlannedRun:
    """A point trained with a seed.

    Attributes:
        point: The point.
        seed: The seed.
        config: The settings that follow from both.
    """

    point: Point
    seed: int
    config: RunConfig

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.point.label}-s{self.seed}"


@dataclass(frozen=True)
class RunResult:
    """A run as its folder tells it.

    Attributes:
        planned: Which run it is.
        run_dir: Its folder, whether it is there or not.
        status: ``waiting``, ``interrupted``, ``completed``, ``diverged``, ``failed`` or ``pruned``.
        final: Mean return of the final evaluation, when it is complete.
        global_step: Environment steps done.
        wall_time: Seconds of training; members of one population have them in common.
        reason: Why it stopped, where it did.
        summary: What its ``summary.json`` holds.
    """

    planned: PlannedRun
    run_dir: RunDir
    status: str
    final: float | None
    global_step: int
    wall_time: float
    reason: str | None
    summary: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The run's document, as ``ppo train --json`` has it, with its point."""
        config = self.planned.config
        base = {"env_id": config.env_id, "algorithm": config.algorithm, "seed": config.seed}
        done = {"global_step": self.global_step, "wall_time": self.wall_time, "eval": None}
        told = {name: value for name, value in self.summary.items() if name not in ("versions", "command")}
        own = {"run_dir": str(self.run_dir.path), "status": self.status, "reason": self.reason}
        return {
            **base,
            **done,
            "steps_per_second": None,
            **told,
            **own,
            "point": self.planned.point.to_json(),
        }


@dataclass(frozen=True)
class PointResult:
    """A point over its seeds.

    Attributes:
        point: The point.
        seeds: The seeds of the complete runs.
        returns: Mean return of the final evaluation of each of them.
        n_failed: Runs that diverged or failed.
        n_pruned: Runs that a rung stopped.
        n_missing: Runs that are not done yet.
        steps: Environment steps of all its runs.
        wall_time: Longest time of a run in seconds.
    """

    point: Point
    seeds: tuple[int, ...]
    returns: tuple[float, ...]
    n_failed: int
    n_pruned: int
    n_missing: int
    steps: int
    wall_time: float

    @property
    def mean(self) -> float:
        """Mean over seeds; NaN without any."""
        return math.fsum(self.returns) / len(self.returns) if self.returns else math.nan

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % confidence interval of the mean over seeds (Student's t)."""
        return mean_interval(self.returns)

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
        }


def read_run(planned: PlannedRun, run_dir: RunDir) -> RunResult:
    """What became of a run.

    A run that failed together with others of its job may be sound: it counts as interrupted until it failed
    alone.
    """
    try:
        summary = run_dir.read_summary()
    except CorruptFileError:
        summary = None  # training does not depend on it; it is written anew
    if summary is None:
        status = INTERRUPTED if run_dir.config_path.exists() else WAITING
        return RunResult(planned, run_dir, status, None, 0, 0.0, None, {})
    status = str(summary.get("status"))
    if status not in FINAL or (status == FAILED and not summary.get(GIVEN_UP)):
        status = INTERRUPTED
    evaluation = summary.get("eval")
    final = evaluation.get("mean") if isinstance(evaluation, Mapping) and status == COMPLETED else None
    reason = summary.get("reason")
    if status == COMPLETED and not isinstance(final, int | float):
        status, final, reason = FAILED, None, "the mean return of its final evaluation is not a number"
    return RunResult(
        planned, run_dir, status, final, _number(summary.get("global_step")),
        float(_number(summary.get("wall_time"))), reason, summary,
    )  # fmt: skip


def _number(value: object) -> Any:
    return value if isinstance(value, int | float) else 0


def by_point(runs: Iterable[RunResult]) -> list[PointResult]:
    """The points of some runs, in the order in which they first come."""
    groups: dict[Point, list[RunResult]] = {}
    for run in runs:
        groups.setdefault(run.planned.point, []).append(run)
    return [_point_result(point, own) for point, own in groups.items()]


def _point_result(point: Point, runs: Sequence[RunResult]) -> PointResult:
    done = [run for run in runs if run.final is not None]
    statuses = [run.status for run in runs]
    return PointResult(
        point=point,
        seeds=tuple(run.planned.seed for run in done),
        returns=tuple(run.final for run in done if run.final is not None),
        n_failed=sum(status in LOST for status in statuses),
        n_pruned=statuses.count(PRUNED),
        n_missing=sum(status not in FINAL for status in statuses),
        steps=sum(run.global_step for run in runs),
        wall_time=max((run.wall_time for run in runs), default=0.0),
    )


def best_point(points: Sequence[PointResult]) -> PointResult | None:
    """The point with the best mean over seeds, among those with the fewest seeds lost and the most done.

    A point that diverges on one seed of five is not better for it: the mean of its survivors does not count
    as long as there is a point that trains on every seed.
    """
    able = [point for point in points if point.returns]
    return min(able, key=lambda one: (one.n_failed, -len(one.returns), -one.mean), default=None)


def by_merit(points: Sequence[PointResult]) -> list[PointResult]:
    """The points from the best mean to the worst; those without one last, in the order in which they came."""
    return sorted(points, key=lambda one: -one.mean if one.returns else math.inf)


def results_csv(names: Sequence[str], runs: Sequence[RunResult]) -> str:
    """``results.csv``: one row per run, the swept settings in columns of their own."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = (
        "seed",
        "status",
        "eval_mean",
        "eval_std",
        "eval_episodes",
        "global_step",
        "wall_time",
        "reason",
    )
    writer.writerow([*names, *columns, "run"])
    for run in runs:
        values = run.planned.point.to_json()
        evaluation = run.summary.get("eval")
        numbers = evaluation if isinstance(evaluation, Mapping) and run.final is not None else {}
        row = [run.planned.seed, run.status, *(numbers.get(key) for key in ("mean", "std", "episodes"))]
        row += [run.global_step, round(run.wall_time, 3), run.reason, run.planned.name]
        writer.writerow([_cell(value) for value in [*(values.get(name) for name in names), *row]])
    return out.getvalue()


def _cell(value: object) -> object:
    """A value as a CSV cell: numbers exact, lists and flags as JSON, nothing for None."""
    if value is None or isinstance(value, str):
        return value or ""
    return repr(value) if isinstance(value, float) else json.dumps(value)
