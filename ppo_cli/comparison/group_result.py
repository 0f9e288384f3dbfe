"""The result of one group of runs: statistics over its seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ppo_cli.comparison.curves import area_under_curve, steps_to_threshold
from ppo_cli.comparison.scores import RETURN, RunScores
from ppo_cli.comparison.statistics import bootstrap_iqm_interval, iqm
from ppo_cli.runs.eval_stats import mean_interval
from ppo_cli.runs.payable import Interval, cut, payable


@dataclass(frozen=True)
class GroupResult:
    """A group over its seeds. Only runs that are complete count; the others are named.

    Attributes:
        name: The group.
        scores: All its runs.
        values: The scores of those that count, one per seed.
        n_seeds: How many count.
        mean: Mean over seeds; NaN without any.
        ci95: Its 95 % interval (Student's t), cut to what an episode can pay; NaN with fewer than two seeds.
        iqm: Interquartile mean over seeds.
        iqm_ci95: Its 95 % bootstrap interval.
        steps_to_threshold: Median over seeds of the steps until the curve reaches the threshold, where a seed
            that never does counts as infinite; None if that is the median, or there is no threshold.
        n_reached: How many seeds reach it.
        auc: Area under the curve up to the common end, divided by its length: the mean while training.
        wall_time: Seconds, mean over seeds.
        failed: Names of the runs that do not count.
    """

    name: str
    scores: tuple[RunScores, ...]
    values: tuple[float, ...]
    n_seeds: int
    mean: float
    ci95: tuple[float, float]
    iqm: float
    iqm_ci95: tuple[float, float]
    steps_to_threshold: float | None
    n_reached: int
    auc: float
    wall_time: float
    failed: tuple[str, ...]

    @property
    def counted(self) -> tuple[RunScores, ...]:
        """The runs that count."""
        return tuple(score for score in self.scores if score.counts)


def group_result(
    name: str, scores: Sequence[RunScores], *, threshold: float | None, since: float, until: float
) -> GroupResult:
    """Sum up a group.

    Args:
        name: The group.
        scores: Its runs.
        threshold: The value that counts as solved, or None.
        since: Steps at which the area under the curves begins.
        until: Steps at which it ends.
    """
    counted = [score for score in scores if score.counts]
    values = tuple(score.score for score in counted)
    reached = [] if threshold is None else [_steps_to(score, threshold) for score in counted]
    median = statistics.median(reached) if reached else math.inf
    areas = [area_under_curve(score.curve.steps, score.curve.values, until, since) for score in counted]
    return GroupResult(
        name=name,
        scores=tuple(scores),
        values=values,
        n_seeds=len(values),
        mean=_mean(values),
        ci95=cut(mean_interval(values), _bounds(counted)),
        iqm=iqm(values),
        iqm_ci95=bootstrap_iqm_interval(values),
        steps_to_threshold=median if math.isfinite(median) else None,
        n_reached=sum(map(math.isfinite, reached)),
        auc=_mean(areas),
        wall_time=_mean([score.wall_time for score in counted]),
        failed=tuple(score.run.name for score in scores if not score.counts),
    )


def common_span(scores: Sequence[RunScores]) -> tuple[float, float]:
    """The steps between which all curves have points; NaN without a curve."""
    curves = [score.curve for score in scores if score.counts and score.curve.steps]
    if not curves:
        return math.nan, math.nan
    return max(curve.steps[0] for curve in curves), min(curve.steps[-1] for curve in curves)


def _steps_to(score: RunScores, threshold: float) -> float:
    steps = steps_to_threshold(score.curve.steps, score.curve.values, threshold)
    return math.inf if steps is None else steps


def _bounds(scores: Sequence[RunScores]) -> Interval | None:
    """What the scores can be at the least and at the most; None where that is not known."""
    if not scores or scores[0].metric != RETURN:
        return None
    config = scores[0].config
    return payable(config.env_id, config.env_kwargs)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
