"""The score of one run: one number by a metric, its curve over training, and what it cost."""

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

__all__ = ["RETURN", "Curve", "RunScores", "read_scores"]

LAST_PART = 0.1
"""Share of a curve, at its end, whose mean is the score by a logged column."""


@dataclass(frozen=True)
class RunScores:
    """One run, judged by one metric.

    Attributes:
        run: Its folder.
        config: Its settings.
        seed: Its seed.
        env_id: Its environment.
        status: ``completed``, or else ``training``, ``interrupted``, ``diverged``, ``failed``, ``pruned``.
        score: What it achieved; NaN where it does not count.
        metric: The metric.
        curve: The metric over training.
        wall_time: Seconds of training; members of one population have them in common.
        steps: Environment steps done.
        steps_per_second: Of all members of its population together.
        eval_episodes: Episodes of the final evaluation, where there was one.
        reason: Why it does not count; None where it does.
        curve_metric: What the curve shows where that is not the metric itself.
        deterministic: Whether the final evaluation took the most likely actions; None without one.
        versions: What it was made with, by package.
        summary: All that ``summary.json`` says; empty without one.
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
    """Read what a run achieved.

    Only a run that is complete has a score. By ``eval/return`` it is the mean return of the final evaluation,
    by the environment's own reward, and the curve is that of the evaluations during training; where there
    were none, of the training episodes. By a logged column it is the mean of the last tenth of its curve.

    Args:
        run: The run.
        metric: ``eval/return``, a column of ``metrics.csv``, one of ``eval.csv`` as ``eval/min``, or one of
            ``monitor.csv``.

    Raises:
        UsageError: A complete run has not logged such a metric.
        CorruptFileError: A file of it is damaged.
    """
    config = read_config(run)
    summary = read_summary(run) or {}
    status = str(summary.get("status", "unfinished"))
    evaluation = _mapping(summary.get("eval"))
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
        versions={str(name): str(version) for name, version in _mapping(summary.get("versions")).items()},
        summary=summary,
    )


def _curve_by(run: RunDir, metric: str, status: str) -> Curve:
    try:
        return logged_curve(run, metric)
    except UsageError:
        if status == "completed":
            raise
        return Curve((), ())  # it does not count anyway, and may have logged nothing yet


def _end_of(curve: Curve) -> float:
    last = curve.values[-max(1, round(LAST_PART * len(curve.values))) :]
    return math.fsum(last) / len(last) if last else math.nan


def _why_not(
    status: str, summary: Mapping[str, Any], score: float, metric: str, evaluation: Mapping[str, Any]
) -> str | None:
    """Why a run does not count, in a few words; None where it does."""
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


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float:
    """A number from a file that may hold anything."""
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.nan


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
