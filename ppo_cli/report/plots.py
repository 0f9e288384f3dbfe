"""The pictures of a sweep as PNG and SVG."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ppo_cli.report.numbers import count, plural, range_text
from ppo_cli.report.plotting.curves import Seeds, draw_curves, explain_curves
from ppo_cli.report.plotting.effects import draw_effects
from ppo_cli.report.plotting.figure import (
    FONT_SIZE,
    add_legend,
    figure_style,
    new_figure,
    require_matplotlib,
    save_figure,
    say_instead,
    set_title,
)
from ppo_cli.report.plotting.heat import draw_heat_map
from ppo_cli.report.plotting.line import draw_line
from ppo_cli.report.plotting.marks import MEAN_LABEL, turned_height
from ppo_cli.report.plotting.points import is_grid, scale_for, with_means
from ppo_cli.report.plotting.slices import draw_slices
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ppo_cli.comparison.effects import Effect
    from ppo_cli.sweeps.results.point_result import PointResult
    from ppo_cli.sweeps.spec.params import Param
    from ppo_cli.sweeps.spec.points import Point

__all__ = ["effects_plot", "learning_curves", "require_matplotlib", "sensitivity"]

_AXIS = 7.1  # inches of the width for one horizontal axis


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
    with figure_style():
        if not with_means(results):
            figure = _empty_figure(results)
        elif len(params) == 1:
            figure = _line_figure(params[0], results, default_point, threshold)
        elif len(params) == 2 and is_grid(params, results):
            figure = _heat_figure((params[0], params[1]), results, default_point)
        else:
            figure = _slices_figure(params, results, default_point, threshold)
        set_title(figure, _sensitivity_title(params, env_id), _seeds_text(params, results))
        return save_figure(figure, path)


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
    with figure_style():
        figure, axes = new_figure(1, 1, 3.9)
        draw_curves(axes[0], curves, ylabel=textwrap.fill(clean(ylabel), 36), threshold=threshold)
        if not axes[0].lines:
            say_instead(axes[0], "no curve: no run has an evaluation yet")
        add_legend(figure, axes)
        set_title(figure, clean(title), explain_curves(curves))
        return save_figure(figure, path)


def effects_plot(path: Path, effects: Sequence[Effect], *, title: str) -> tuple[Path, Path]:
    """Draw what each setting of a study explains, alone and together with another.

    Args:
        path: The PNG file; the SVG file has the same name.
        effects: One or more.
        title: What is shown.

    Returns:
        The files written.

    Raises:
        UsageError: matplotlib is not installed.
        StorageError: A file cannot be written.
    """
    with figure_style():
        figure, axes = new_figure(1, 1, 1.6 + 0.32 * len(effects))
        draw_effects(axes[0], effects)
        add_legend(figure, axes)
        set_title(figure, clean(title), "every complete run is one observation; the rest is seeds")
        return save_figure(figure, path)


def _line_figure(
    param: Param, results: Sequence[PointResult], default: Point | None, threshold: float | None
) -> Figure:
    figure, axes = new_figure(1, 1, 3.9 + turned_height(scale_for(param, results), _AXIS))
    draw_line(axes[0], param, results, default, threshold, _AXIS)
    add_legend(figure, axes)
    return figure


def _heat_figure(
    params: tuple[Param, Param], results: Sequence[PointResult], default: Point | None
) -> Figure:
    columns, rows = (scale_for(param, results) for param in params)
    width = _AXIS - 1.3  # the colour bar stands beside it
    columns = dataclasses.replace(columns, kind="category")
    height = min(10.0, 1.7 + 0.45 * max(4, len(rows.values))) + turned_height(columns, width)
    figure, axes = new_figure(1, 1, height)
    axes[0].grid(False)
    draw_heat_map(figure, axes[0], params, results, default, width)
    add_legend(figure, axes)
    return figure


def _slices_figure(
    params: Sequence[Param], results: Sequence[PointResult], default: Point | None, threshold: float | None
) -> Figure:
    columns = 2 if len(params) in (2, 4) else 3
    rows = -(-len(params) // columns)
    width = _AXIS / columns - 0.2
    turned = max(turned_height(scale_for(param, results), width) for param in params)
    figure, panels = new_figure(rows, columns, 1.1 + (2.3 + turned) * rows)
    for spare in panels[len(params) :]:
        spare.remove()
    panels = panels[: len(params)]
    draw_slices(panels, params, results, default, threshold, width)
    figure.supylabel(MEAN_LABEL, fontsize=FONT_SIZE)
    add_legend(figure, panels)
    return figure


def _empty_figure(results: Sequence[PointResult]) -> Figure:
    """A picture that says that there is nothing to show."""
    figure, axes = new_figure(1, 1, 2.2)
    failed = sum(result.n_failed for result in results)
    say_instead(axes[0], "no completed run" + (f": {count(failed)} failed" if failed else " yet"))
    return figure


def _sensitivity_title(params: Sequence[Param], env_id: str) -> str:
    few = len(params) < 4
    names = " and ".join(clean(param.name) for param in params) if few else f"{len(params)} settings"
    return f"{clean(env_id)}: episode return against {names}"


def _seeds_text(params: Sequence[Param], results: Sequence[PointResult]) -> str:
    """Say how many points and seeds there are, and what failed."""
    seeds = sorted({len(result.returns) for result in results if result.returns})
    parts = [plural(len(results), "value" if len(params) == 1 else "point")]
    if seeds == [1]:
        parts.append("1 seed each: no interval")
    elif seeds:
        parts.append(f"{range_text(seeds)} seeds each")
    lost = {"failed": sum(result.n_failed for result in results)}
    lost["pruned"] = sum(result.n_pruned for result in results)
    return ", ".join(parts + [f"{plural(number, 'run')} {how}" for how, number in lost.items() if number])
