"""Charts of a sweep's result against its settings: seeds, means and intervals, or a heat map of two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from bokeh.models import ColumnDataSource, HoverTool, LinearColorMapper, Range1d
from bokeh.models.annotations.geometry import Span
from bokeh.models.renderers import GlyphRenderer
from bokeh.palettes import Viridis256
from bokeh.plotting import figure

from ppo_cli.html.bokeh_parts import chart_item, label_ticks, new_figure, themed
from ppo_cli.html.cells import NOTHING, interval_text, seeds_text, shown
from ppo_cli.html.content import Chart
from ppo_cli.report.numbers import plural
from ppo_cli.report.plotting.points import (
    interval_or_none,
    is_grid,
    place_of,
    placed,
    pruned_text,
    scale_for,
    with_means,
)
from ppo_cli.report.plotting.scales import Scale, colour_limits, view_limits
from ppo_cli.sweeps.results.point_result import PointResult
from ppo_cli.sweeps.spec.params import Param
from ppo_cli.sweeps.spec.points import Point

_MOST_PANELS = 6
_MOST_POINTS = 2000
_MOST_WRITTEN = 7  # columns of a heat map whose cells are wide enough for numbers, on a phone too
_CROWDED = 24  # from so many points on, seeds are not drawn
_ROOM = 45  # characters along the axis of a phone
_RETURN = "mean return of the final evaluation"
_MEAN_TIPS = [("point", "@point"), ("mean", "@mean"), ("95 % interval", "@interval"), ("seeds", "@seeds")]
_PRUNED_TIPS = [("point", "@point"), ("mean when pruned", "@mean"), ("after", "@after")]
_SEED_TIPS = [("point", "@point"), ("seed", "@seed"), ("return", "@value")]


def sensitivity_charts(
    params: Sequence[Param], results: Sequence[PointResult], default: Point | None, threshold: float | None
) -> tuple[Chart, ...]:
    """A chart per swept setting, and a heat map first where two of them make a grid; none without a result.

    Args:
        params: The swept settings.
        results: The points.
        default: The settings without the sweep, to be marked.
        threshold: The return that counts as solved, or None.
    """
    if not with_means(results):
        return ()
    charts = []
    if len(params) == 2 and is_grid(params, results):
        charts.append(_heat_chart((params[0], params[1]), results))
    for index, param in enumerate(params[:_MOST_PANELS]):
        charts.append(
            _param_chart(param, results, default, threshold, f"sensitivity-{index + 1}", len(params))
        )
    return tuple(charts)


def _param_chart(
    param: Param,
    results: Sequence[PointResult],
    default: Point | None,
    threshold: float | None,
    target: str,
    num_params: int,
) -> Chart:
    scale = scale_for(param, results)
    everywhere = placed(scale, param, results)
    points = [pair for pair in everywhere if pair[1].returns][:_MOST_POINTS]
    low, high = _view([result for _, result in points], threshold)
    plot = new_figure(
        x_label=_name(param, scale), y_label=_RETURN, height=360, x_range=_range(scale.limits),
        y_range=_range((low, high)),
    )  # fmt: skip
    label_ticks(plot.xaxis[0], scale.ticks(_ROOM))
    width = scale.limits[1] - scale.limits[0]
    if len(points) > _CROWDED:
        _draw_crowd(plot, points)
        notes = ["Dots: means over the seeds of each point, with their 95 % intervals."]
    else:
        _draw_seeds(plot, points, width)
        _draw_means(plot, points, width, joined=num_params == 1 and scale.is_ordered)
        notes = ["Small dots: single seeds. Large dots: means over seeds with their 95 % intervals."]
    pruned = [pair for pair in everywhere if pair[1].pruned_mean is not None][:_MOST_POINTS]
    if pruned:
        _draw_pruned(plot, pruned)
        notes.append("Crosses: points that were pruned, at the mean of their last evaluations.")
    _mark(plot, place_of(scale, param, default), "height", "dotted", "--muted")
    _mark(plot, threshold, "width", "dashed", "--warm")
    alt = f"{_RETURN} against {param.name}: " + "; ".join(_words(result) for _, result in points[:12])
    if default is not None:
        notes.append("Dotted: the default.")
    if threshold is not None and low < threshold < high:
        notes.append(f"Dashed: solved at {shown(threshold)}.")
    if num_params > 1:
        notes.append("Points that share a value differ in the other settings.")
    return Chart(target, f"Return against {param.name}", alt, chart_item(plot, target), " ".join(notes))


def _draw_seeds(plot: figure, points: Sequence[tuple[float, PointResult]], width: float) -> None:
    """A dot for each seed, moved a little aside so that equal ones can be told apart."""
    rows: list[dict[str, Any]] = [
        {
            "x": place + (index % 5 - 2) * 0.006 * width, "y": value, "value": shown(value),
            "seed": str(seed), "point": result.point.text,
        }
        for place, result in points
        for index, (seed, value) in enumerate(zip(result.seeds, result.returns, strict=True))
    ]  # fmt: skip
    dots = plot.scatter("x", "y", source=_source(rows), size=7, fill_alpha=0.5, line_alpha=0.8, name="seeds")
    themed(dots.glyph, fill_color="--series-1", line_color="--series-1")
    _tell(plot, dots, _SEED_TIPS)


def _draw_means(
    plot: figure, points: Sequence[tuple[float, PointResult]], width: float, *, joined: bool
) -> None:
    """A large dot for each mean with its interval, beside the seeds; joined where their order means it."""
    rows = [_mean_row(place + 0.032 * width, result) for place, result in points]
    source = _source(rows)
    bars = plot.segment("x", "low", "x", "high", source=source, line_width=2)
    themed(bars.glyph, line_color="--ink")
    if joined:
        line = plot.line("x", "y", source=source, line_width=1, line_alpha=0.5)
        themed(line.glyph, line_color="--ink")
    means = plot.scatter("x", "y", source=source, size=11, line_width=1.5, name="means")
    themed(means.glyph, fill_color="--ink", line_color="--card")
    _tell(plot, means, _MEAN_TIPS)


def _draw_crowd(plot: figure, points: Sequence[tuple[float, PointResult]]) -> None:
    """Draw the means of many points alone, with pale intervals."""
    source = _source([_mean_row(place, result) for place, result in points])
    bars = plot.segment("x", "low", "x", "high", source=source, line_alpha=0.25)
    themed(bars.glyph, line_color="--series-1")
    means = plot.scatter("x", "y", source=source, size=6, fill_alpha=0.6, line_color=None, name="means")
    themed(means.glyph, fill_color="--series-1")
    _tell(plot, means, _MEAN_TIPS)


def _draw_pruned(plot: figure, points: Sequence[tuple[float, PointResult]]) -> None:
    """A cross for each point that a rung stopped."""
    rows = [
        {
            "x": place, "y": result.pruned_mean, "point": result.point.text,
            "mean": shown(result.pruned_mean), "after": f"{pruned_text(result)} of the steps",
        }
        for place, result in points
    ]  # fmt: skip
    crosses = plot.scatter("x", "y", source=_source(rows), size=8, marker="x", line_width=1.5, name="pruned")
    themed(crosses.glyph, line_color="--muted")
    _tell(plot, crosses, _PRUNED_TIPS)


def _tell(plot: figure, renderer: GlyphRenderer[Any], tips: list[tuple[str, str]]) -> None:
    """Show these columns when the pointer is over a dot; the page makes the tooltip, as text."""
    plot.add_tools(HoverTool(renderers=[renderer], tooltips=tips, show_arrow=False, visible=False))


def _mean_row(place: float, result: PointResult) -> dict[str, Any]:
    low, high = interval_or_none(result) or (result.mean, result.mean)
    return {
        "x": place, "y": result.mean, "low": low, "high": high, "point": result.point.text,
        "mean": shown(result.mean), "interval": interval_text(result.ci95), "seeds": str(len(result.returns)),
    }  # fmt: skip


def _heat_chart(params: tuple[Param, Param], results: Sequence[PointResult]) -> Chart:
    """The means of two settings as colours; both axes are categories."""
    scales = [Scale("category", scale_for(param, results).values) for param in params]
    rows = []
    for mean, result in with_means(results):
        x, y = (place_of(scale, param, result.point) for scale, param in zip(scales, params, strict=True))
        if x is not None and y is not None:
            rows.append({**_mean_row(x, result), "row": y, "value": mean})
    low, high = colour_limits([row["value"] for row in rows])
    mapper = LinearColorMapper(palette=list(Viridis256[::8]), low=low, high=high)
    plot = new_figure(
        x_label=params[0].name, y_label=params[1].name, height=max(340, 110 + 44 * len(scales[1].values)),
        x_range=_range(scales[0].limits), y_range=_range(scales[1].limits),
    )  # fmt: skip
    for axis, scale in ((plot.xaxis[0], scales[0]), (plot.yaxis[0], scales[1])):
        label_ticks(axis, scale.ticks(_ROOM))
    plot.ygrid[0].visible = False
    cells = plot.rect(
        "x", "row", 0.96, 0.92, source=_source(rows), line_color=None, name="cells",
        fill_color={"field": "value", "transform": mapper},
    )  # fmt: skip
    _tell(plot, cells, _MEAN_TIPS)
    if len(scales[0].values) <= _MOST_WRITTEN:
        _write_means(plot, rows, (low + high) / 2)
    names = f"{params[0].name} and {params[1].name}"
    alt = f"{_RETURN} against {names}: " + "; ".join(_words(result) for _, result in with_means(results)[:12])
    note = f"Mean over seeds, from dark ({shown(low)}) to bright ({shown(high)})."
    return Chart("sensitivity-0", f"Return against {names}", alt, chart_item(plot, "sensitivity-0"), note)


def _write_means(plot: figure, rows: Sequence[dict[str, Any]], middle: float) -> None:
    """The means inside their cells, bright on dark and dark on bright."""
    inks = ["white" if row["value"] < middle else "black" for row in rows]
    source = _source([{**row, "ink": ink} for row, ink in zip(rows, inks, strict=True)])
    plot.text(
        "x", "row", "mean", source=source, text_color="ink", text_align="center", text_baseline="middle",
        text_font_size="12px",
    )  # fmt: skip


def _mark(
    plot: figure, place: float | None, dimension: Literal["width", "height"], dash: str, variable: str
) -> None:
    """A line across the whole chart, if there is a place for it."""
    if place is not None:
        line = Span(location=place, dimension=dimension, line_dash=dash)
        themed(line, line_color=variable)
        plot.add_layout(line)


def _view(points: Iterable[PointResult], threshold: float | None) -> tuple[float, float]:
    """The returns to show: all but a few that lie far off, and the mark of a solved task if it is near."""
    points = list(points)
    ends = [end for result in points for end in (interval_or_none(result) or ())]
    low, high = view_limits([value for result in points for value in result.returns], ends)
    span = high - low
    if threshold is not None and low - span <= threshold <= high + span:
        low, high = min(low, threshold - 0.05 * span), max(high, threshold + 0.05 * span)
    return low, high


def _range(limits: tuple[float, float]) -> Range1d:
    return Range1d(start=limits[0], end=limits[1])


def _source(rows: Sequence[dict[str, Any]]) -> ColumnDataSource:
    names = rows[0] if rows else ()
    return ColumnDataSource({name: [row[name] for row in rows] for name in names})


def _name(param: Param, scale: Scale) -> str:
    return param.name + (" (log scale)" if scale.kind == "log" else "")


def _words(result: PointResult) -> str:
    interval = interval_text(result.ci95)
    spread = (
        seeds_text(len(result.returns))
        if interval == NOTHING
        else f"{interval}, {plural(len(result.returns), 'seed')}"
    )
    return f"{result.point.text}: {shown(result.mean)} ({spread})"
