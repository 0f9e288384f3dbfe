"""Parts that all charts share: figures without colours of their own, equal documents for equal data.

Colours are the page's: a model carries tags such as ``line_color:--series-1``, and the page sets these
properties from the variables of its style sheet, when it is loaded and when the reader changes from light to
dark. Texts are ``PlainText`` wherever Bokeh would otherwise take dollar signs for a formula and ask a server
for MathJax.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bokeh.core.types import ID
from bokeh.embed import json_item
from bokeh.model import Model
from bokeh.models import (
    Axis,
    BoxZoomTool,
    DataRange1d,
    FixedTicker,
    PanTool,
    PlainText,
    ResetTool,
    SaveTool,
    WheelZoomTool,
)
from bokeh.plotting import figure
from bokeh.resources import Resources

from ppo_cli.report.text import clean

_AXIS_COLOURS = {
    "axis_label_text_color": "--muted",
    "major_label_text_color": "--muted",
    "axis_line_color": "--line",
    "major_tick_line_color": "--line",
}
_FONT = "system-ui, sans-serif"


def bokeh_script() -> str:
    """BokehJS for these charts, to be put inline: of its parts only the core, without widgets and tables."""
    resources = Resources(mode="inline", components=["bokeh"], minified=True, log_level="warn")
    return "\n".join(resources.js_raw)


def themed(model: Model, **variables: str) -> None:
    """Give a model's colours to the page: properties by the names of its variables."""
    model.tags = [*model.tags, *(f"{name}:{variable}" for name, variable in variables.items())]


def new_figure(*, y_label: str, x_label: str, height: int = 400, **options: Any) -> figure:
    """An empty figure as wide as the page allows, with tools to move, zoom, reset and save it."""
    zoom = BoxZoomTool()
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        tools=[PanTool(), zoom, WheelZoomTool(), ResetTool(), SaveTool()],
        active_drag=zoom,
        toolbar_location="above",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border_right=12,
        **options,
    )
    plot.toolbar.logo = None
    for axis, label in ((plot.xaxis[0], x_label), (plot.yaxis[0], y_label)):
        axis.axis_label = plain(label)
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font = axis.major_label_text_font = _FONT
        axis.minor_tick_line_color = None
        themed(axis, **_AXIS_COLOURS)
    for grid in plot.grid:
        themed(grid, grid_line_color="--grid")
    plot.xgrid[0].visible = False
    return plot


def plain(text: str) -> PlainText:
    """A text that is never a formula."""
    return PlainText(text=clean(text).replace("\n", " "))


def label_ticks(axis: Axis, ticks: Sequence[tuple[float, str]]) -> None:
    """Ticks where they are given, with their texts."""
    axis.update(
        ticker=FixedTicker(ticks=[place for place, _ in ticks]),
        major_label_overrides={place: plain(text) for place, text in ticks},
    )


def range_of(renderers: Iterable[Model], **options: Any) -> DataRange1d:
    """A range that shows these renderers and no others: an interval of two seeds would hide all the rest."""
    return DataRange1d(renderers=list(renderers), only_visible=True, range_padding=0.08, **options)


def chart_item(plot: figure, target: str) -> dict[str, Any]:
    """The document that BokehJS embeds: equal charts give equal documents.

    Args:
        plot: The chart.
        target: Id of the element of the page in which it is drawn.
    """
    plot.name = target
    item = dict(json_item(plot, ID(target)))
    renamed: dict[str, str] = {}
    _collect_ids(item["doc"], renamed, f"{target}-")
    document: dict[str, Any] = _with_ids(item, renamed)
    return document


def _collect_ids(value: Any, renamed: dict[str, str], prefix: str) -> None:
    """A new id for each model, in the order in which they come; Bokeh counts on from chart to chart."""
    if isinstance(value, Mapping):
        if value.get("type") == "object" and "id" in value:
            renamed.setdefault(value["id"], f"{prefix}{len(renamed)}")
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            _collect_ids(item, renamed, prefix)


def _with_ids(value: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_id(key, item, renamed) for key, item in value.items()}
    return [_with_ids(item, renamed) for item in value] if isinstance(value, list | tuple) else value


def _with_id(key: str, value: Any, renamed: Mapping[str, str]) -> Any:
    is_id = key in ("id", "root_id") and isinstance(value, str)
    return renamed.get(value, value) if is_id else _with_ids(value, renamed)
