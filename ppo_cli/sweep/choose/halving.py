"""Successive halving: at a rung the worse half of the points is stopped, and the others train on.

A rung lies after a fixed share of the steps, where an evaluation falls anyway. Which points it keeps follows
from the evaluations that stand in the runs' ``eval.csv``, so a sweep that is stopped and resumed decides the
same again. Source: Jamieson and Talwalkar 2016, "Non-stochastic best arm identification".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError
from ppo_cli.runs.logs import read_columns
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.sweep.spec.points import Point

RUNGS = (1 / 8, 1 / 4, 1 / 2)
"""Shares of the steps after which the worse half of the points is stopped."""

FEWEST = 2
"""A rung leaves at least so many points: a single one could be compared with nothing."""


def rung_iteration(config: RunConfig, share: float) -> int:
    """The iteration after which a run stands at a rung: that of the evaluation nearest to ``share``.

    Raises:
        UsageError: The run is never evaluated on its way.
    """
    evaluations = config.evaluation.num_evals
    if evaluations < 2:
        raise UsageError(
            f"--prune judges runs on their way, and num_evals is {evaluations}",
            hint="--set num_evals=10",
            key="evaluation.num_evals",
        )
    number = min(max(1, round(share * evaluations)), evaluations - 1)
    return math.ceil(number * config.num_iterations / evaluations)


def rung_name(share: float) -> str:
    """A rung in words.

    >>> rung_name(1 / 8)
    'rung at 12.5 % of the steps'
    """
    return f"rung at {100 * share:g} % of the steps"


def stands_at_rung(run: RunDir, config: RunConfig, share: float, global_step: int) -> bool:
    """Whether a run has come to a rung and ended its session there.

    A process that is killed at the rung may leave the evaluation without the checkpoint and the summary.

    Args:
        run: Its folder.
        config: Its settings.
        share: The rung.
        global_step: Environment steps done, by its summary.
    """
    step = rung_iteration(config, share) * config.steps_per_iteration
    return global_step >= step and rung_score(run, config, share) is not None


def rung_score(run: RunDir, config: RunConfig, share: float) -> float | None:
    """Mean return of the evaluation at a rung; None while the run has not come so far."""
    step = rung_iteration(config, share) * config.steps_per_iteration
    found = read_columns(run.eval_path, "global_step", "mean")
    return next((mean for at, mean in zip(*found.values(), strict=True) if at == step), None)


def survivors(scores: Mapping[Point, float]) -> list[Point]:
    """The points that a rung keeps: the better half, in the order in which they were given.

    Args:
        scores: Mean over seeds at the rung; NaN for a point that lost a run on the way, which comes last.
    """
    count = max(FEWEST, math.ceil(len(scores) / 2))
    worst_first = {point: -math.inf if math.isnan(score) else score for point, score in scores.items()}
    kept = set(sorted(worst_first, key=worst_first.__getitem__, reverse=True)[:count])
    return [point for point in scores if point in kept]
