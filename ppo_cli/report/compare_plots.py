"""The picture of a comparison: learning curves with bands, and performance profiles beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ppo_cli.compare.comparison import Comparison
from ppo_cli.report.numbers import count
from ppo_cli.report.plotting.curves import CURVES, MOST_COLOURED, Seeds, draw_curves
from ppo_cli.report.plotting.figure import (
    add_legend,
    figure_style,
    new_figure,
    save_figure,
    say_instead,
    set_title,
)
from ppo_cli.report.plotting.profile import draw_profiles
from ppo_cli.report.text import clean

_NAMES = {"mean": "mean", "iqm": "IQM"}
_BANDS = {"mean": "95 % interval of the mean", "iqm": "95 % bootstrap interval"}
_WIDTHS = (1.75, 1.0)


def comparison_plot(path: Path, comparison: Comparison, *, kind: str = "mean") -> tuple[Path, Path]:
    """Draw a comparison.

    Args:
        path: The PNG file; the SVG file has the same name.
        comparison: The groups.
        kind: ``mean`` or ``iqm``, of the seeds' curves.

    Returns:
        The files written.

    Raises:
        UsageError: matplotlib is not installed.
        StorageError: A file cannot be written.
    """
    curves = curves_of(comparison)
    with figure_style():
        figure, (left, right) = new_figure(1, 2, 3.9, widths=_WIDTHS)
        ylabel = textwrap.fill(clean(metric_name(comparison.metric)), 36)
        colours = draw_curves(left, curves, ylabel=ylabel, threshold=comparison.threshold, kind=kind)
        if not left.lines:
            say_instead(left, "no curve: no run is complete")
        values = {group.name: group.values for group in comparison.groups}
        if any(values.values()):
            score = _score_name(comparison.metric)
            draw_profiles(right, values, colours, xlabel=score, threshold=comparison.threshold)
            right.set_title("performance profile", loc="left", fontsize=9, color="#555555", pad=6)
        else:
            say_instead(right, "")
        add_legend(figure, [left, right])
        title = f"{clean(comparison.env_id)}: {metric_name(comparison.metric)} of {count(len(curves))} groups"
        set_title(figure, title, _explanation(comparison, curves, kind))
        return save_figure(figure, path)


def curves_of(comparison: Comparison) -> dict[str, Seeds]:
    """By group, the curves of the runs that count."""
    return {
        group.name: [(np.array(score.curve.steps), np.array(score.curve.values)) for score in group.counted]
        for group in comparison.groups
    }


def metric_name(metric: str) -> str:
    """What a metric is called on an axis."""
    return "episode return" if metric == "eval/return" else clean(metric)


def _score_name(metric: str) -> str:
    return "final evaluation" if metric == "eval/return" else f"{clean(metric)}, last tenth"


def _explanation(comparison: Comparison, curves: Mapping[str, Seeds], kind: str) -> str:
    """What the lines and bands are."""
    sizes = sorted({group.n_seeds for group in comparison.groups if group.n_seeds})
    if not sizes:
        return ""
    parts = ["1 seed each: no band"]
    if sizes != [1]:
        parts = [f"{_NAMES[kind]} of {_range(sizes)} seeds each; band: {_BANDS[kind]}"]
    found = [CURVES["mean"](group) for group in curves.values()]
    if any(curve is not None and not curve.is_whole.all() for curve in found):
        parts.append("dotted: some seeds have ended")
    if len(curves) > MOST_COLOURED:
        parts.append(f"coloured: the best {MOST_COLOURED} of {count(len(curves))}")
    return textwrap.fill("; ".join(parts), 62)


def _range(numbers: Sequence[int]) -> str:
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
