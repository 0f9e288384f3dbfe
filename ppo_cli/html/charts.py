"""The charts of learning: one figure for any metric of several groups, one for the terms of a reward.

The figures hold no data. The page fills them from :mod:`ppo_cli.html.curves`, so that choosing another metric
costs nothing, and every number is on the page once.
"""

from __future__ import annotations

from typing import Any

from bokeh.model import Model
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    DataRange1d,
    HoverTool,
    NoOverlap,
    NumeralTickFormatter,
)
from bokeh.models.annotations.geometry import Span
from bokeh.plotting import figure

from ppo_cli.html.bokeh_parts import chart_item, new_figure, range_of, themed

NUM_COLOURS = 10
_STEPS = "environment steps per seed"


def colour(index: int) -> str:
    """The variable of the style sheet that holds the colour of a line."""
    return f"--series-{index % NUM_COLOURS + 1}"


def curves_chart(num_series: int, threshold: float | None, target: str) -> dict[str, Any]:
    """Learning curves: of each group a mean, its band, and thin lines of its seeds.

    Args:
        num_series: How many groups there are.
        threshold: The return that counts as solved, or None.
        target: Id of the element of the page in which it is drawn.

    Returns:
        The document for the page. Its parts have names: the sources ``means`` and ``seeds-0``…, the renderers
        ``mean-0``…, ``band-0``…, ``seeds-0``…, the hover tool ``hover`` and the line ``threshold``.
    """
    plot = new_figure(x_label=_STEPS, y_label="episode return", x_range=DataRange1d(range_padding=0.01))
    means = _line_source(num_series)
    ranged: list[Model] = []
    for index in range(num_series):
        band = plot.varea("x", f"low{index}", f"high{index}", source=means, fill_alpha=0.16, level="underlay")
        own = ColumnDataSource({"x": [[0, 1]], "y": [[0, 1]]}, name=f"source-{index}")
        seeds = plot.multi_line("x", "y", source=own, line_width=1, line_alpha=0.45)
        mean = plot.line("x", f"mean{index}", source=means, line_width=2.5)
        for renderer, kind in ((band, "band"), (seeds, "seeds"), (mean, "mean")):
            renderer.name = f"{kind}-{index}"
            themed(renderer.glyph, **{"fill_color" if kind == "band" else "line_color": colour(index)})
        ranged += [mean, seeds]
    plot.y_range = range_of(ranged)
    if threshold is not None:
        line = Span(location=threshold, dimension="width", line_dash="dashed", name="threshold")
        themed(line, line_color="--warm")
        plot.add_layout(line)
    return _finished(plot, means, target)


def terms_chart(num_terms: int, target: str) -> dict[str, Any]:
    """The terms of the reward over time, a line each.

    Args:
        num_terms: How many terms there are.
        target: Id of the element of the page in which it is drawn.

    Returns:
        The document for the page: the source ``means``, the renderers ``mean-0``…, the hover tool ``hover``.
    """
    plot = new_figure(
        x_label=_STEPS, y_label="mean per step", height=340, x_range=DataRange1d(range_padding=0.01)
    )
    means = _line_source(num_terms)
    lines = []
    for index in range(num_terms):
        line = plot.line("x", f"mean{index}", source=means, line_width=2.2, name=f"mean-{index}")
        themed(line.glyph, line_color=colour(index))
        lines.append(line)
    plot.y_range = range_of(lines)
    return _finished(plot, means, target)


def _line_source(num_lines: int) -> ColumnDataSource:
    """The columns that the page fills: of each line its mean and the ends of its band.

    Until then there is a point or two in them, because Bokeh warns of axes without any.
    """
    names = [f"{kind}{line}" for line in range(num_lines) for kind in ("mean", "low", "high")]
    return ColumnDataSource({name: [0, 1] for name in ("x", *names)}, name="means")


def _finished(plot: figure, means: ColumnDataSource, target: str) -> dict[str, Any]:
    """Finish a chart: steps on its axis, one hover over an unseen line that knows the values of all lines."""
    plot.xaxis[0].formatter = NumeralTickFormatter(format="0,0")
    plot.xaxis[0].major_label_policy = NoOverlap(min_distance=12)
    unseen = plot.line("x", "x", source=means, line_alpha=0)
    hover = HoverTool(renderers=[unseen], mode="vline", line_policy="none", name="hover", show_arrow=False)
    hover.visible = False
    guide = Span(dimension="height", line_dash="dotted")
    themed(guide, line_color="--muted")
    plot.add_tools(hover, CrosshairTool(overlay=guide, visible=False))
    return chart_item(plot, target)
