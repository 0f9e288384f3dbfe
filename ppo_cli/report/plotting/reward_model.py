"""The picture of a reward model: predicted against true returns of clips, and accuracy over comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ppo_cli.report.plotting.figure import figure_style, new_figure, save_figure, say_instead, set_title
from ppo_cli.report.tables import Row
from ppo_cli.report.text import clean
from ppo_cli.storage.json_file import as_mapping

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DOTS = "#0072b2"


def fit_figure(path: Path, report: Row) -> tuple[Path, Path]:
    """Draw a fit.

    Args:
        path: The PNG file; the SVG file has the same name.
        report: The document of ``ppo reward-model``.

    Returns:
        The files written.

    Raises:
        UsageError: matplotlib is not installed.
        StorageError: A file cannot be written.
    """
    curve = report.get("curve")
    with figure_style():
        figure, axes = new_figure(1, 2 if curve else 1, 3.9)
        _draw_returns(axes[0], report)
        if curve:
            _draw_curve(axes[1], curve)
        accuracy = as_mapping(report.get("accuracy")).get("held_out")
        shown = f", {100 * accuracy:.0f} % of held-out answers" if isinstance(accuracy, float) else ""
        set_title(figure, f"{clean(report.get('env_id'))}: {report.get('pairs_used')} comparisons{shown}", "")
        return save_figure(figure, path)


def _draw_returns(axes: Axes, report: Row) -> None:
    true, predicted = report.get("true_returns"), report.get("predicted_returns")
    if not isinstance(true, Sequence) or not isinstance(predicted, Sequence):
        say_instead(axes, "the teacher's returns are not known")
        return
    axes.scatter(np.ravel(true), np.ravel(predicted), s=7, alpha=0.5, color=_DOTS, linewidths=0)
    axes.set_xlabel(f"return of a clip, judged by {clean(report.get('judged_by'))}")
    axes.set_ylabel("predicted return")


def _draw_curve(axes: Axes, points: Sequence[Row]) -> None:
    known = [point for point in points if isinstance(point.get("held_out"), float)]
    counts = [point["pairs"] for point in known]
    axes.plot(counts, [100 * point["held_out"] for point in known], marker="o", color=_DOTS)
    axes.fill_between(
        counts,
        [100 * point["ci95"][0] for point in known],
        [100 * point["ci95"][1] for point in known],
        color=_DOTS,
        alpha=0.15,
        linewidth=0,
    )
    axes.set_xscale("log")
    axes.set_xticks(counts, labels=[str(count) for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("comparisons learned from")
    axes.set_ylabel("held-out accuracy (%)")
