"""The results of a sweep as plots take them: means, intervals, and where a point lies on an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ppo_cli.report.plotting.scales import Scale, plain, same, scale_of
from ppo_cli.report.tracker import mean_of

if TYPE_CHECKING:
    from ppo_cli.sweeps.results.point_result import PointResult
    from ppo_cli.sweeps.spec.params import Param
    from ppo_cli.sweeps.spec.points import Point

_ABSENT = object()  # None is a value


def mean_or_none(result: PointResult) -> float | None:
    """The mean over seeds; None when no run was completed."""
    return mean_of([result.mean])


def interval_or_none(result: PointResult) -> tuple[float, float] | None:
    """The 95 % interval of the mean; None when there are fewer than two seeds."""
    return result.ci95 if all(map(math.isfinite, result.ci95)) else None


def with_means(results: Sequence[PointResult]) -> list[tuple[float, PointResult]]:
    """The points that have a mean, with it."""
    return [(mean, result) for result in results if (mean := mean_or_none(result)) is not None]


def when_pruned(results: Sequence[PointResult]) -> list[tuple[float, PointResult]]:
    """The points that a rung stopped, with the mean that they had then."""
    return [(result.pruned_mean, result) for result in results if result.pruned_mean is not None]


def pruned_text(result: PointResult) -> str:
    """After what share of the steps a point was stopped, such as ``12.5 %``."""
    return "" if result.pruned_after is None else f"{100 * result.pruned_after:.3g} %"


def scale_for(param: Param, results: Sequence[PointResult]) -> Scale:
    """The axis of a param: the order is its own; what the points have besides comes after."""
    taken = [value for result in results if (value := _value(result.point, param)) is not _ABSENT]
    return scale_of([*param.values, *taken], log=param.log or (False if param.is_range else None))


def place_of(scale: Scale, param: Param, point: Point | None) -> float | None:
    """Place a point on the axis of a param; None when it has no place there."""
    value = _ABSENT if point is None else _value(point, param)
    place = None if value is _ABSENT else scale.at(value)
    return place if place is not None and scale.limits[0] <= place <= scale.limits[1] else None


def placed(scale: Scale, param: Param, results: Sequence[PointResult]) -> list[tuple[float, PointResult]]:
    """The points that have a place on the axis of a param, from left to right."""
    pairs = [
        (place, result) for result in results if (place := place_of(scale, param, result.point)) is not None
    ]
    return sorted(pairs, key=lambda pair: pair[0])


def is_grid(params: Sequence[Param], results: Sequence[PointResult]) -> bool:
    """Tell whether the points fill at least half of the cells that their values of the params span."""
    num_cells = math.prod(len(scale_for(param, results).values) for param in params)
    filled: list[tuple[Any, ...]] = []
    for result in results:
        values = tuple(_value(result.point, param) for param in params)
        if not any(all(map(same, values, each)) for each in filled):
            filled.append(values)
    return 2 * len(filled) >= num_cells


def _value(point: Point, param: Param) -> Any:
    """A point's value of a param."""
    values = [value for name, value in point.values if name == param.name]
    return plain(values[0]) if values else _ABSENT
