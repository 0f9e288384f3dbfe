"""Two settings: a cell for each pair of values, coloured by its mean, which is written in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppo_cli.report.plotting.marks import BAD, GREY, MEAN_LABEL, label_values, setting_name
from ppo_cli.report.plotting.points import interval_or_none, mean_or_none, place_of, pruned_text, scale_for
from ppo_cli.report.plotting.scales import Scale, colour_limits, return_text, value_text
from ppo_cli.sweeps.results.point_result import best_point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

    from ppo_cli.sweeps.results.point_result import PointResult
    from ppo_cli.sweeps.spec.params import Param
    from ppo_cli.sweeps.spec.points import Point

Params = tuple["Param", "Param"]
Cell = tuple[int, int]  # column, row

_COLOURS = "viridis"
_MOST_COLUMNS = 14  # more leave no room for numbers
_COLUMNS_WITH_INTERVALS = 8


@dataclass(frozen=True)
class _Map:
    """The values and axes of a heat map.

    Attributes:
        columns: The values of the first setting.
        rows: The values of the second one.
        results: The points by cell.
        shades: 0 to 1 by cell, where there is a mean; beyond, where it is out of the range of colours.
        low: The return of shade 0; shades of separate environments have none.
        high: The return of shade 1.
        by_env: Whether each environment has a range of colours of its own.
    """

    columns: Scale
    rows: Scale
    results: dict[Cell, PointResult]
    shades: dict[Cell, float]
    low: float
    high: float
    by_env: bool


def draw_heat_map(
    figure: Figure,
    axes: Axes,
    params: Params,
    results: Sequence[PointResult],
    default: Point | None,
    width: float,
) -> None:
    """Colour the cells and write into them; frame the best one and the default.

    Returns of several environments cannot be compared, so when one of the settings is the environment the
    colours go from the worst to the best cell of each.

    Args:
        figure: For the colour bar.
        axes: Where.
        params: The settings, across and upwards.
        results: The points.
        default: The settings without the sweep.
        width: Inches that the horizontal axis takes, roughly.
    """
    heat = _map_of(params, results)
    num_columns, num_rows = len(heat.columns.values), len(heat.rows.values)
    grid = [[heat.shades.get((x, y), math.nan) for x in range(num_columns)] for y in range(num_rows)]
    mesh = axes.pcolormesh(
        [x - 0.5 for x in range(num_columns + 1)], [y - 0.5 for y in range(num_rows + 1)], grid,
        cmap=_COLOURS, vmin=0.0, vmax=1.0, edgecolors="white", linewidth=1.0,
    )  # fmt: skip
    axes.set_facecolor("#eeeeee")
    _colour_bar(figure, axes, mesh, heat)
    if num_columns <= _MOST_COLUMNS:
        _write_cells(axes, heat)
    best = None if heat.by_env else best_point(results)
    if best is not None:
        _frame(axes, params, heat, best.point, ("best", "#d1495b", "-", 0.47))
    _frame(axes, params, heat, default, ("default", "#111111", ":", 0.42))
    label_values(axes, heat.columns, params[0], width)
    axes.set_yticks(range(num_rows), [value_text(value) for value in heat.rows.values])
    axes.set_ylabel(setting_name(params[1], heat.rows))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _map_of(params: Params, results: Sequence[PointResult]) -> _Map:
    columns, rows = (Scale("category", scale_for(param, results).values) for param in params)
    cells = {}
    for result in results:
        x, y = place_of(columns, params[0], result.point), place_of(rows, params[1], result.point)
        if x is not None and y is not None:
            cells[int(x), int(y)] = result
    means = {cell: mean for cell, result in cells.items() if (mean := mean_or_none(result)) is not None}
    env_axis = next((axis for axis, param in enumerate(params) if param.name == "env_id"), None)
    low, high = colour_limits(list(means.values()))
    shades = {}
    for cell, mean in means.items():
        start, end = low, high
        if env_axis is not None:
            start, end = colour_limits(
                [other for at, other in means.items() if at[env_axis] == cell[env_axis]]
            )
        shades[cell] = (mean - start) / (end - start)
    return _Map(columns, rows, cells, shades, low, high, env_axis is not None)


def _colour_bar(figure: Figure, axes: Axes, mesh: QuadMesh, heat: _Map) -> None:
    """Draw the scale of the colours; a pointed end where some lie beyond."""
    below, above = min(heat.shades.values()) < 0, max(heat.shades.values()) > 1
    ends = ("both" if above else "min") if below else ("max" if above else "neither")
    bar = figure.colorbar(mesh, ax=axes, extend=ends, pad=0.02, aspect=25)
    bar.outline.set_visible(False)
    if heat.by_env:
        bar.set_ticks([0.0, 1.0], labels=["worst", "best"])
        bar.set_label("in each environment")
    else:
        shares = (0.0, 0.25, 0.5, 0.75, 1.0)
        span = heat.high - heat.low
        bar.set_ticks(shares, labels=[return_text(heat.low + share * span, span) for share in shares])
        bar.set_label(MEAN_LABEL)


def _write_cells(axes: Axes, heat: _Map) -> None:
    """The mean of each cell, with half its interval where there is room; words where there is none."""
    num_columns, num_rows = len(heat.columns.values), len(heat.rows.values)
    size = 9.0 if num_columns <= 10 else 7.5
    for cell in ((x, y) for x in range(num_columns) for y in range(num_rows)):
        result, shade = heat.results.get(cell), heat.shades.get(cell)
        if result is None or shade is None:
            text, colour = _text_without_mean(result)
        else:
            intervals = num_columns <= _COLUMNS_WITH_INTERVALS
            text, colour = _cell_text(result, heat.high - heat.low, intervals), _text_colour(shade)
        axes.text(*cell, text, ha="center", va="center", fontsize=size, color=colour, linespacing=1.2)


def _text_without_mean(result: PointResult | None) -> tuple[str, str]:
    """Why a cell has no number, and the colour of the words."""
    if result is None:
        return "no run", GREY
    if result.n_failed:
        return f"{result.n_failed} failed", BAD
    if result.pruned_mean is not None:
        return f"× {result.pruned_mean:.4g}\npruned at {pruned_text(result)}", GREY
    return ("pruned" if result.n_pruned else "not done"), GREY


def _cell_text(result: PointResult, span: float, intervals: bool) -> str:
    text, ends = return_text(result.mean, span), interval_or_none(result)
    if not intervals:
        return text
    if ends:
        text += f" ± {return_text((ends[1] - ends[0]) / 2, span)}"
    return text + (f"\n{result.n_failed} failed" if result.n_failed else "")


def _text_colour(shade: float) -> str:
    """Black on the bright colours, white on the dark ones."""
    return "black" if shade > 0.55 else "white"


def _frame(
    axes: Axes, params: Params, heat: _Map, point: Point | None, look: tuple[str, str, str, float]
) -> None:
    """A frame around the cell of a point."""
    x, y = place_of(heat.columns, params[0], point), place_of(heat.rows, params[1], point)
    label, colour, style, half = look
    if x is not None and y is not None:
        across, upwards = (-half, half, half, -half, -half), (-half, -half, half, half, -half)
        axes.plot(
            [x + shift for shift in across], [y + shift for shift in upwards],
            color=colour, linestyle=style, linewidth=2.2, label=label,
        )  # fmt: skip
