"""The picture of a comparison: learning curves with bands, and performance profiles beside them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np

from ppo_cli.comparison.comparison import Comparison
from ppo_cli.report.numbers import count
from ppo_cli.report.plotting.curves import Seeds, draw_curves, explain_curves
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
        set_title(figure, title, textwrap.fill(explain_curves(curves, kind), 62))
        return save_figure(figure, path)


def curves_of(comparison: Comparison) -> dict[str, Seeds]:
    """Collect the curves of the runs that count, by group."""
    return {
        group.name: [(np.array(score.curve.steps), np.array(score.curve.values)) for score in group.counted]
        for group in comparison.groups
    }


def metric_name(metric: str) -> str:
    """Name a metric as it stands on an axis."""
    return "episode return" if metric == "eval/return" else clean(metric)


def _score_name(metric: str) -> str:
    return "final evaluation" if metric == "eval/return" else f"{clean(metric)}, last tenth"
