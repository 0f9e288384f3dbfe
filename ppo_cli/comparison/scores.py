"""The score of a run: a number by a metric, its curve over training, and its cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ppo_cli.comparison.logged import RETURN, Curve, logged_curve, return_curve
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError
from ppo_cli.runs.reading import read_config, read_summary
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.storage.json_file import as_mapping, as_number

__all__ = ["RETURN", "Curve", "RunScores", "read_scores"]

LAST_PART = 0.1
"""Share of a curve, at its end, whose mean is the score by a logged column."""


@dataclass(frozen=True)
class RunScores:
    """A run, judged by one metric.

    Attributes:
        run: Its folder.
        config: Its settings.
        seed: Its seed.
        env_id: Its environment.
        status: ``completed``, or else ``training``, ``interrupted``, ``diverged``, ``failed``, ``pruned``.
        score: The value of the metric; NaN where the run does not count.
        metric: The metric.
        curve: The metric over training.
        wall_time: Seconds of training; members of one population have them in common.
        steps: Environment steps done.
        steps_per_second: Of all members of its population together.
        eval_episodes: Episodes of the final evaluation, where there was one.
        reason: Why the run does not count; None where it does.
        curve_metric: The metric of the curve: training episodes may stand in for evaluations.
        deterministic: Whether the final evaluation took the most likely actions; None without one.
        versions: Versions of packages that it was trained with, by name.
        summary: The whole ``summary.json``; empty without one.
    """

    run: RunDir
    config: RunConfig
    seed: int
    env_id: str
    status: str
    score: float
    metric: str
    curve: Curve
    wall_time: float
    steps: int
    steps_per_second: float
    eval_episodes: int | None
    reason: str | None
    curve_metric: str
    deterministic: bool | None
    versions: Mapping[str, str]
    summary: Mapping[str, Any]

    @property
    def counts(self) -> bool:
        """Whether the run takes part in a comparison."""
        return self.reason is None


def read_scores(run: RunDir, metric: str = RETURN) -> RunScores:
    """Read the score of a run from its folder.

    Only a run that is complete has a score. By ``eval/return`` it is the mean return of the final evaluation,
    by the environment's own reward, and the curve is that of the evaluations during training; where there
    were none, of the training episodes. By a logged column it is the mean of the last tenth of its curve.

    Args:
        run: The run.
        metric: ``eval/return``, a column of ``metrics.csv``, one of ``eval.csv`` as ``eval/min``, or one of
            ``monitor.csv``.

    Raises:
        UsageError: A complete run has not logged such a metric.
        CorruptFileError: A file of the run is damaged.
    """
    config = read_config(run)
    summary = read_summary(run) or {}
    status = str(summary.get("status", "unfinished"))
    evaluation = as_mapping(summary.get("eval"))
    if metric == RETURN:
        curve, curve_metric = return_curve(run)
        score = _number(evaluation.get("mean"))
    else:
        curve, curve_metric = _curve_by(run, metric, status), metric
        score = _end_of(curve)
    reason = _why_not(status, summary, score, metric, evaluation)
    deterministic = evaluation.get("deterministic")
    return RunScores(
        run=run,
        config=config,
        seed=config.seed,
        env_id=config.env_id,
        status=status,
        score=score if reason is None else math.nan,
        metric=metric,
        curve=curve,
        wall_time=_number(summary.get("wall_time")),
        steps=_whole(summary.get("global_step")) or 0,
        steps_per_second=_number(summary.get("steps_per_second")),
        eval_episodes=_whole(evaluation.get("episodes")),
        reason=reason,
        curve_metric=curve_metric,
        deterministic=deterministic if isinstance(deterministic, bool) else None,
        versions={str(name): str(version) for name, version in as_mapping(summary.get("versions")).items()},
        summary=summary,
    )


def _curve_by(run: RunDir, metric: str, status: str) -> Curve:
    """Read a logged curve; empty where an incomplete run has none."""
    try:
        return logged_curve(run, metric)
    except UsageError:
        if status == "completed":
            raise
        return Curve((), ())  # it does not count anyway, and may have logged nothing yet


def _end_of(curve: Curve) -> float:
    """Compute the mean of the last tenth of a curve; NaN of an empty one."""
    last = curve.values[-max(1, round(LAST_PART * len(curve.values))) :]
    return math.fsum(last) / len(last) if last else math.nan


def _why_not(
    status: str, summary: Mapping[str, Any], score: float, metric: str, evaluation: Mapping[str, Any]
) -> str | None:
    """Say why a run does not count, in a few words; None where it does."""
    if status == "training":
        return "still training"
    if status != "completed":
        because = summary.get("reason")
        return f"{status}: {because}" if because else status
    if metric == RETURN and not evaluation:
        return "no final evaluation"
    if not math.isfinite(score):
        return f"its {metric} is not a number"
    return None


def _number(value: object) -> float:
    """Take a number from a file that may hold anything; NaN for all else."""
    number = as_number(value)
    return math.nan if number is None else number


def _whole(value: object) -> int | None:
    """Take a whole number from a file that may hold anything; None for all else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
