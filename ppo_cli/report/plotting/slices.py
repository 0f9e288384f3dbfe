"""Many settings: for each one the means of all points against its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppo_cli.report.plotting.marks import (
    APART,
    INK,
    MARK,
    ONE_DOT,
    in_view,
    label_values,
    mark_default,
    mark_outside,
    mark_pruned,
    mark_threshold,
    view_with_threshold,
)
from ppo_cli.report.plotting.points import place_of, scale_for, when_pruned, with_means
from ppo_cli.report.plotting.scales import Scale, view_limits
from ppo_cli.report.tracker import mean_of
from ppo_cli.sweeps.results.point_result import best_point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ppo_cli.sweeps.results.point_result import PointResult
    from ppo_cli.sweeps.spec.params import Param
    from ppo_cli.sweeps.spec.points import Point

_MOST_COLUMNS = 12  # values of a setting over which means are drawn


def draw_slices(
    panels: Sequence[Axes],
    params: Sequence[Param],
    results: Sequence[PointResult],
    default: Point | None,
    threshold: float | None,
    width: float,
) -> None:
    """A panel per setting: a dot for each point, the mean of those that share a value, the best point.

    Args:
        panels: Where, one per setting; they share their vertical axis.
        params: The settings.
        results: The points.
        default: The settings without the sweep.
        threshold: The return that counts as solved.
        width: Inches that the axis of a panel takes, roughly.
    """
    low, high = view_with_threshold(*view_limits(mean for mean, _ in with_means(results)), threshold)
    for axes, param in zip(panels, params, strict=True):
        scale = scale_for(param, results)
        axes.set_xlim(*scale.limits)
        axes.set_ylim(low, high)
        _draw_dots(axes, scale, param, results)
        _draw_best(axes, scale, param, best_point(results))
        mark_pruned(axes, [(place_of(scale, param, of.point), mean) for mean, of in when_pruned(results)])
        mark_default(axes, scale, param, default, with_value=False)
        mark_threshold(axes, threshold)
        label_values(axes, scale, param, width)


def _draw_dots(axes: Axes, scale: Scale, param: Param, results: Sequence[PointResult]) -> None:
    columns: dict[float, list[float]] = {}
    for mean, result in with_means(results):
        place = place_of(scale, param, result.point)
        if place is not None:
            columns.setdefault(place, []).append(mean)
    if len(columns) <= _MOST_COLUMNS and any(len(means) > 1 for means in columns.values()):
        _draw_column_means(axes, columns, joined=scale.is_ordered)
    span = scale.limits[1] - scale.limits[0]
    dots = [
        (place + _aside(index, len(means)) * span, mean)
        for place, means in columns.items()
        for index, mean in enumerate(means)
        if in_view(axes, mean)
    ]
    label = "one point (mean over its seeds)"
    axes.plot([x for x, _ in dots], [y for _, y in dots], label=label, **ONE_DOT)
    for place, means in columns.items():
        mark_outside(axes, place, means)


def _draw_column_means(axes: Axes, columns: dict[float, list[float]], *, joined: bool) -> None:
    """The mean of the points that share a value of the setting."""
    points = sorted((place, mean) for place, means in columns.items() if (mean := mean_of(means)) is not None)
    axes.plot(
        [place for place, _ in points], [mean for _, mean in points], color=INK, linewidth=1.5, zorder=3,
        linestyle="-" if joined else "", marker="_", markersize=14, markeredgewidth=2.2,
        label="mean of the points with this value",
    )  # fmt: skip


def _draw_best(axes: Axes, scale: Scale, param: Param, best: PointResult | None) -> None:
    place = None if best is None else place_of(scale, param, best.point)
    if place is not None and best is not None:
        axes.plot(
            place, best.mean, linestyle="", marker="*", markersize=13, color=MARK, markeredgecolor="white",
            zorder=5, label="best point",
        )  # fmt: skip


def _aside(index: int, number: int) -> float:
    """Compute how far a dot of a value is moved aside, as a share of the axis: five lanes in turn."""
    return 0.0 if number == 1 else ((index * 2) % 5 - 2) * 1.6 * APART
