"""One setting: return against its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppo_cli.report.plotting.marks import (
    APART,
    BAD,
    INK,
    MEAN_LABEL,
    ONE_DOT,
    in_view,
    label_values,
    mark_default,
    mark_outside,
    mark_pruned,
    mark_threshold,
    view_with_threshold,
)
from ppo_cli.report.plotting.points import interval_or_none, mean_or_none, placed, scale_for
from ppo_cli.report.plotting.scales import view_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ppo_cli.sweeps.results.point_result import PointResult
    from ppo_cli.sweeps.spec.params import Param
    from ppo_cli.sweeps.spec.points import Point

Placed = Sequence[tuple[float, "PointResult"]]

_FEW = 12  # so many values are joined by a line, and their failures are written out


def draw_line(
    axes: Axes,
    param: Param,
    results: Sequence[PointResult],
    default: Point | None,
    threshold: float | None,
    width: float,
) -> None:
    """Means with their 95 % intervals, and every seed as a dot.

    Args:
        axes: Where.
        param: The setting.
        results: The points.
        default: The settings without the sweep.
        threshold: The return that counts as solved.
        width: Inches that the axis takes, roughly.
    """
    scale = scale_for(param, results)
    points = placed(scale, param, results)
    ends = [end for _, result in points for end in interval_or_none(result) or ()]
    low, high = view_limits([value for _, result in points for value in result.returns], ends)
    axes.set_xlim(*scale.limits)
    axes.set_ylim(*view_with_threshold(low, high, threshold))
    _draw_seeds(axes, points, scale.limits[1] - scale.limits[0])
    _draw_means(axes, points, joined=scale.is_ordered and len(points) <= _FEW)
    for place, result in points:
        mark_outside(axes, place, result.returns, mean_or_none(result))
        if result.n_failed and len(points) <= _FEW:
            _write_failures(axes, place, result.n_failed)
    mark_pruned(axes, [(place, of.pruned_mean) for place, of in points if of.pruned_mean is not None])
    mark_default(axes, scale, param, default)
    mark_threshold(axes, threshold)
    label_values(axes, scale, param, width)
    axes.set_ylabel(MEAN_LABEL)


def _draw_seeds(axes: Axes, points: Placed, span: float) -> None:
    """A dot for each seed, moved aside a little."""
    dots = []
    for place, result in points:
        seen = [value for value in result.returns if in_view(axes, value)]
        step = APART * span * min(1.0, 4.0 / max(1, len(seen) - 1))
        dots += [(place + (index - (len(seen) - 1) / 2) * step, value) for index, value in enumerate(seen)]
    alone = all(len(result.returns) < 2 for _, result in points)  # no mean stands beside them
    look = ONE_DOT | ({"markersize": 7, "zorder": 3} if alone else {})
    axes.plot([x for x, _ in dots], [y for _, y in dots], label="one seed", **look)


def _draw_means(axes: Axes, points: Placed, *, joined: bool) -> None:
    """Means in view, joined if asked to; with intervals if there are any."""
    seen = [(place, result) for place, result in points if in_view(axes, result.mean)]
    if joined:
        axes.plot([place for place, _ in seen], [result.mean for _, result in seen], color=INK, linewidth=1.4)
    bars = [(place, result.mean, ends) for place, result in seen if (ends := interval_or_none(result))]
    if not bars:
        return
    few = len(points) <= _FEW
    below, above = [mean - ends[0] for _, mean, ends in bars], [ends[1] - mean for _, mean, ends in bars]
    axes.errorbar(
        [place for place, _, _ in bars], [mean for _, mean, _ in bars], yerr=[below, above], fmt="D",
        color=INK, zorder=3, markersize=6 if few else 4, capsize=4 if few else 0,
        linewidth=1.8 if few else 0.9, label="mean and 95 % interval",
    )  # fmt: skip


def _write_failures(axes: Axes, place: float, number: int) -> None:
    """Write how many runs of a value failed at the top of the plot, where there is always room."""
    axes.annotate(
        f"{number} failed", (place, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 1),
        textcoords="offset points", ha="center", va="bottom", color=BAD, fontsize=8,
    )  # fmt: skip
