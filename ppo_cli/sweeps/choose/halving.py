"""Successive halving: at a rung the worse half of the points is stopped, and the others train on.

A rung lies after a fixed share of the steps, where an evaluation falls anyway. It decides by the evaluations
in the runs' ``eval.csv`` alone, so a sweep that is stopped and resumed decides the same again.

Source: Jamieson and Talwalkar 2016, "Non-stochastic best arm identification".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from ppo_cli.runs.logs import read_columns
from ppo_cli.sweeps.results.run_result import RunResult
from ppo_cli.sweeps.spec.points import Point
from ppo_cli.sweeps.spec.rungs import RUNGS, rung_name, rung_step

FEWEST = 2
"""Points that a rung keeps at least: a single one could be compared with nothing."""


def survivors(scores: Mapping[Point, float]) -> list[Point]:
    """Choose the points that a rung keeps: the better half, in the order in which they were given.

    Args:
        scores: Mean over seeds at the rung; NaN for a point that lost a run on the way, which comes last.
    """
    kept = set(_best_first(scores)[: max(FEWEST, math.ceil(len(scores) / 2))])
    return [point for point in scores if point in kept]


def why_stopped(scores: Mapping[Point, float], point: Point, share: float) -> str:
    """Say why a rung stops a point: its mean and its place among ``scores``."""
    place = _best_first(scores).index(point) + 1
    return f"{rung_name(share)}: mean {scores[point]:.1f}, place {place} of {len(scores)}"


def mean_at_rung(runs: Sequence[RunResult], share: float) -> float:
    """Compute the mean over a point's seeds at a rung; NaN when a run was lost before the rung.

    A run that was lost after the rung counts: otherwise a resumed sweep would decide differently.
    """
    returns = [return_at_rung(run, share) for run in runs]
    return math.nan if None in returns else fmean(mean for mean in returns if mean is not None)


def mean_at_last_rung(runs: Sequence[RunResult]) -> float:
    """Compute the mean over a point's seeds at the last rung that all of them reached; NaN without one."""
    means = [mean_at_rung(runs, share) for share in RUNGS] if runs else []
    return next((mean for mean in reversed(means) if not math.isnan(mean)), math.nan)


def return_at_rung(run: RunResult, share: float) -> float | None:
    """Read the mean return of a run's evaluation at a rung; None while the run has not reached it."""
    rung = rung_step(run.planned.config, share)
    columns = read_columns(run.run_dir.eval_path, "global_step", "mean")
    return next((mean for step, mean in zip(*columns.values(), strict=True) if step == rung), None)


def stands_at_rung(run: RunResult, share: float) -> bool:
    """Whether a run has reached a rung and saved its checkpoint there.

    A process that is killed at the rung may leave the evaluation without the checkpoint and the summary.
    """
    is_far_enough = run.global_step >= rung_step(run.planned.config, share)
    return is_far_enough and return_at_rung(run, share) is not None


def _best_first(scores: Mapping[Point, float]) -> list[Point]:
    return sorted(scores, key=lambda point: math.inf if math.isnan(scores[point]) else -scores[point])
