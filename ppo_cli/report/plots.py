"""The pictures of a sweep as PNG and SVG. The home of matplotlib, which is an extra.

Figures are made without pyplot: no display is needed, no window is opened and nothing has to be closed. Equal
data give equal bytes.
"""

from __future__ import annotations

import dataclasses
import io
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.errors import UsageError
from ppo_cli.files import atomic_write
from ppo_cli.report.numbers import count
from ppo_cli.report.plotting.curves import MOST_COLOURED, Seeds, draw_curves, mean_curve
from ppo_cli.report.plotting.heat import draw_heat_map
from ppo_cli.report.plotting.line import draw_line
from ppo_cli.report.plotting.marks import MEAN_LABEL, turned_height
from ppo_cli.report.plotting.points import is_grid, scale_for, with_means
from ppo_cli.report.plotting.slices import draw_slices
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ppo_cli.sweep.params import Param
    from ppo_cli.sweep.points import Point
    from ppo_cli.sweep.results import PointResult

_WIDTH = 8.0  # inches; 1200 pixels, so that texts are read at the width of a README
_AXIS = 7.1  # of these for one horizontal axis
_DPI = 150
_LAST_IN_LEGEND = ("the others", "default", "solved", "out of view")
_STYLE: dict[str, Any] = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "font.size": 9.5,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "svg.hashsalt": "ppo-cli",
    "text.parse_math": False,  # a label with dollar signs is no formula
}


def require_matplotlib() -> None:
    """Refuse early what could not be drawn later.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        hint = "install it with: pip install 'ppo-cli[plots]'"
        raise UsageError("plots need matplotlib, which is not installed", hint=hint) from error


def sensitivity(
    path: Path,
    params: Sequence[Param],
    results: Sequence[PointResult],
    default_point: Point | None,
    env_id: str,
    *,
    threshold: float | None = None,
) -> tuple[Path, Path]:
    """Draw how the final evaluation depends on the swept settings.

    One setting: the mean over seeds with its 95 % interval, and every seed as a dot. Two settings of a grid:
    a heat map. Otherwise a panel per setting with the means of all points.

    Args:
        path: The PNG file; the SVG file has the same name.
        params: The swept settings, one or more.
        results: The points; a point without a completed run is shown as such.
        default_point: The settings without the sweep, to be marked where they are on the plot.
        env_id: The environment, for the title.
        threshold: The return that counts as solved, or None.

    Returns:
        The files written.

    Raises:
        UsageError: matplotlib is not installed.
        StorageError: A file cannot be written.
    """
    with _style():
        if not with_means(results):
            figure = _empty_figure(results)
        elif len(params) == 1:
            figure = _line_figure(params[0], results, default_point, threshold)
        elif len(params) == 2 and is_grid(params, results):
            figure = _heat_figure((params[0], params[1]), results, default_point)
        else:
            figure = _slices_figure(params, results, default_point, threshold)
        _title(figure, _sensitivity_title(params, env_id), _seeds_text(params, results))
        return _save(figure, path)


def learning_curves(
    path: Path,
    curves: Mapping[str, Seeds],
    *,
    title: str = "learning curves",
    ylabel: str = "episode return",
    threshold: float | None = None,
) -> tuple[Path, Path]:
    """Draw the mean over seeds of each group of runs against environment steps, with its 95 % band.

    Args:
        path: The PNG file; the SVG file has the same name.
        curves: By label, the steps ``[T]`` and returns ``[T]`` of each seed; their lengths may differ.
            Where some seeds have ended the mean of the others is dotted.
        title: What is shown, such as the environment's id and the setting.
        ylabel: What the returns are.
        threshold: The return that counts as solved, or None.

    Returns:
        The files written.

    Raises:
        UsageError: matplotlib is not installed.
        StorageError: A file cannot be written.
    """
    with _style():
        figure, axes = _new(1, 1, 3.9)
        draw_curves(axes[0], curves, ylabel=textwrap.fill(clean(ylabel), 36), threshold=threshold)
        if not axes[0].lines:
            _say(axes[0], "no curve: no run has an evaluation yet")
        _legend(figure, axes)
        _title(figure, clean(title), _curves_text(curves))
        return _save(figure, path)


def _line_figure(
    param: Param, results: Sequence[PointResult], default: Point | None, threshold: float | None
) -> Figure:
    figure, axes = _new(1, 1, 3.9 + turned_height(scale_for(param, results), _AXIS))
    draw_line(axes[0], param, results, default, threshold, _AXIS)
    _legend(figure, axes)
    return figure


def _heat_figure(
    params: tuple[Param, Param], results: Sequence[PointResult], default: Point | None
) -> Figure:
    columns, rows = (scale_for(param, results) for param in params)
    width = _AXIS - 1.3  # the colour bar stands beside it
    columns = dataclasses.replace(columns, kind="category")
    height = min(10.0, 1.7 + 0.45 * max(4, len(rows.values))) + turned_height(columns, width)
    figure, axes = _new(1, 1, height)
    axes[0].grid(False)
    draw_heat_map(figure, axes[0], params, results, default, width)
    _legend(figure, axes)
    return figure


def _slices_figure(
    params: Sequence[Param], results: Sequence[PointResult], default: Point | None, threshold: float | None
) -> Figure:
    columns = 2 if len(params) in (2, 4) else 3
    rows = -(-len(params) // columns)
    width = _AXIS / columns - 0.2
    turned = max(turned_height(scale_for(param, results), width) for param in params)
    figure, panels = _new(rows, columns, 1.1 + (2.3 + turned) * rows)
    for spare in panels[len(params) :]:
        spare.remove()
    panels = panels[: len(params)]
    draw_slices(panels, params, results, default, threshold, width)
    figure.supylabel(MEAN_LABEL, fontsize=_STYLE["font.size"])
    _legend(figure, panels)
    return figure


def _empty_figure(results: Sequence[PointResult]) -> Figure:
    """A picture that says that there is nothing to show."""
    figure, axes = _new(1, 1, 2.2)
    failed = sum(result.n_failed for result in results)
    _say(axes[0], "no completed run" + (f": {count(failed)} failed" if failed else " yet"))
    return figure


def _say(axes: Axes, text: str) -> None:
    axes.set_axis_off()
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=12, color="#6b6b6b"
    )


def _sensitivity_title(params: Sequence[Param], env_id: str) -> str:
    few = len(params) < 4
    names = " and ".join(clean(param.name) for param in params) if few else f"{len(params)} settings"
    return f"{clean(env_id)}: episode return against {names}"


def _seeds_text(params: Sequence[Param], results: Sequence[PointResult]) -> str:
    """How many points and seeds there are, and what failed."""
    seeds = sorted({len(result.returns) for result in results if result.returns})
    parts = [_plural(len(results), "value" if len(params) == 1 else "point")]
    if seeds == [1]:
        parts.append("1 seed each: no interval")
    elif seeds:
        parts.append(f"{_range(seeds)} seeds each")
    lost = {"failed": sum(result.n_failed for result in results)}
    lost["pruned"] = sum(result.n_pruned for result in results)
    return ", ".join(parts + [f"{_plural(number, 'run')} {how}" for how, number in lost.items() if number])


def _curves_text(curves: Mapping[str, Seeds]) -> str:
    """What the lines and bands are."""
    seeds = sorted({len(group) for group in curves.values() if len(group)})
    if not seeds:
        return ""
    parts = ["1 seed each: no band"]
    if seeds != [1]:
        parts = [f"mean of {_range(seeds)} seeds each; band: 95 % interval of the mean"]
    found = [mean_curve(group) for group in curves.values()]
    if any(curve is not None and not curve.is_whole.all() for curve in found):
        parts.append("dotted: some seeds have ended")
    if len(curves) > MOST_COLOURED:
        parts.append(f"coloured: the best {MOST_COLOURED} of {count(len(curves))}")
    return "; ".join(parts)


def _plural(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def _range(numbers: Sequence[int]) -> str:
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


@contextmanager
def _style() -> Iterator[None]:
    """Our settings on top of matplotlib's own, not on top of the user's ``matplotlibrc``."""
    require_matplotlib()
    from matplotlib import style

    with style.context(["default", _STYLE]), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing"
        )  # a sign that no font has: it shows as a box
        yield


def _new(rows: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, row by row; those of one row share their vertical axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=rows * columns > 1)
    return figure, list(panels.flat)


def _title(figure: Figure, title: str, explanation: str) -> None:
    figure.suptitle(title, x=0.012, ha="left", fontsize=11.5, fontweight="bold")
    axes = figure.axes[0]
    if axes.axison:
        axes.set_title(
            explanation, loc="left", fontsize=9, color="#555555", pad=14 if len(figure.axes) == 1 else 6
        )


def _legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend for all panels below them, where it hides nothing; a label that repeats stands there once.

    The figure grows by its lines.
    """
    found: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(_shortened(label), handle)
    if not found:
        return
    labels = sorted(found, key=lambda label: label.startswith(_LAST_IN_LEGEND))
    columns = _legend_columns([len(label) + 6 for label in labels])
    lines = -(-len(labels) // columns)
    figure.set_size_inches(_WIDTH, figure.get_size_inches()[1] + 0.2 * (lines - 1))
    figure.legend(
        [found[label] for label in labels], labels, loc="outside lower center", ncols=columns, fontsize=9,
        handlelength=1.6,
    )  # fmt: skip


def _legend_columns(widths: Sequence[int]) -> int:
    """The most columns that fit, as even as they can be."""
    room = _WIDTH * 12
    if sum(widths) <= room:
        return len(widths)
    lines = -(-len(widths) // max(1, int(room // max(widths))))
    return -(-len(widths) // lines)


def _shortened(label: str) -> str:
    return label if len(label) <= 80 else f"{label[:79]}…"


def _save(figure: Figure, path: Path) -> tuple[Path, Path]:
    """Write the PNG and the SVG file, each whole or not at all."""
    written = []
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None, "Creator": None})):
        data = io.BytesIO()
        figure.savefig(data, format=suffix[1:], metadata=metadata)
        target = path.with_suffix(suffix)
        atomic_write(target, data.getvalue())
        written.append(target)
    return written[0], written[1]
