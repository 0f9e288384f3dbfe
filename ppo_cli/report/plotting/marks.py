"""Marks that several plots share: texts at an axis, the default, the solved mark, what is out of view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ppo_cli.report.plotting.points import place_of
from ppo_cli.report.plotting.scales import Scale, return_text, value_text
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ppo_cli.sweeps.spec.params import Param
    from ppo_cli.sweeps.spec.points import Point

INK, PALE, MARK, BAD, GREY = "#1f4e79", "#9dc3e6", "#b35900", "#a4133c", "#6b6b6b"
MEAN_LABEL = "episode return\n(final evaluation)"
ONE_DOT: dict[str, Any] = {
    "linestyle": "", "marker": "o", "markersize": 4.5, "color": PALE, "markeredgecolor": INK,
    "markeredgewidth": 0.5, "zorder": 2,
}  # fmt: skip
APART = 0.011  # of the axis: how far dots are moved aside, so that equal ones can be seen
_CHARS_PER_INCH = 12.0  # of the text at an axis
_LONGEST = 28
_TURN = 35.0  # degrees


def label_values(axes: Axes, scale: Scale, param: Param, width: float) -> None:
    """Ticks and name of the horizontal axis; categories whose texts do not fit side by side are turned.

    Args:
        axes: Where.
        scale: The axis.
        param: Its setting.
        width: Inches that the axis takes, roughly.
    """
    ticks = [(place, _cut(text)) for place, text in scale.ticks(width * _CHARS_PER_INCH)]
    turned: dict[str, Any] = {"rotation": _TURN, "ha": "right", "rotation_mode": "anchor"}
    style = turned if turned_height(scale, width) else {}
    axes.set_xticks([place for place, _ in ticks], [text for _, text in ticks], **style)
    axes.set_xlabel(setting_name(param, scale))


def turned_height(scale: Scale, width: float) -> float:
    """Inches that the texts of a horizontal axis need below it because they are turned; 0 when they fit."""
    if scale.kind != "category":
        return 0.0
    longest = max((len(_cut(value_text(value))) for value in scale.values), default=0)
    fits = (longest + 1) * len(scale.values) <= width * _CHARS_PER_INCH
    return 0.0 if fits else longest / _CHARS_PER_INCH * math.sin(math.radians(_TURN))


def setting_name(param: Param, scale: Scale) -> str:
    """Name a setting as it stands at its axis."""
    return clean(param.name) + (" (log scale)" if scale.kind == "log" else "")


def mark_default(
    axes: Axes, scale: Scale, param: Param, default: Point | None, *, with_value: bool = True
) -> None:
    """A line at the default if it is on the axis."""
    place = place_of(scale, param, default)
    if place is None or default is None:
        return
    value = next(value for name, value in default.values if name == param.name)
    label = f"default: {value_text(value)}" if with_value else "default"
    axes.axvline(place, color=GREY, linewidth=1.2, linestyle=":", zorder=1, label=label)


def view_with_threshold(low: float, high: float, threshold: float | None) -> tuple[float, float]:
    """A view widened to hold the mark of a solved task, unless that lies too far off."""
    span = high - low
    if threshold is None or not low - span <= threshold <= high + span:
        return low, high
    return min(low, threshold - 0.05 * span), max(high, threshold + 0.05 * span)


def mark_threshold(axes: Axes, threshold: float | None) -> None:
    """A line at the mark of a solved task if it is in view."""
    low, high = axes.get_ylim()
    if threshold is not None and low <= threshold <= high:
        label = f"solved: {threshold:g}"
        axes.axhline(threshold, color=MARK, linewidth=1, linestyle="--", zorder=1, label=label)


def in_view(axes: Axes, value: float) -> bool:
    """Tell whether a return is between the ends of the vertical axis."""
    low, high = axes.get_ylim()
    return low <= value <= high


def mark_pruned(axes: Axes, places: Sequence[tuple[float | None, float]]) -> None:
    """A cross for each point that a rung stopped, where it has a place and is in view."""
    seen = [(place, mean) for place, mean in places if place is not None and in_view(axes, mean)]
    if seen:
        axes.plot(
            [place for place, _ in seen], [mean for _, mean in seen], linestyle="", marker="x", color=GREY,
            markersize=5, markeredgewidth=1.2, zorder=1.5, label="pruned (mean when it was stopped)",
        )  # fmt: skip


def mark_outside(axes: Axes, place: float, returns: Sequence[float], mean: float | None = None) -> None:
    """A triangle at the edge for what lies beyond the view at one place, with the numbers beside it."""
    low, high = axes.get_ylim()
    left, right = axes.get_xlim()
    on_the_right = place > (left + right) / 2
    for beyond, edge, sign in (
        ([value for value in returns if value < low], 0.022, 1),
        ([value for value in returns if value > high], 0.978, -1),
    ):
        if not beyond:
            continue
        texts = [return_text(value, high - low) for value in sorted(beyond)[:3]]
        texts += ["…"] if len(beyond) > 3 else []
        texts += (
            [f"mean {return_text(mean, high - low)}"] if mean is not None and not low <= mean <= high else []
        )
        axes.plot(
            place, edge, marker="v" if sign > 0 else "^", linestyle="", color=BAD, markersize=6, zorder=4,
            transform=axes.get_xaxis_transform(), label="out of view",
        )  # fmt: skip
        axes.annotate(
            ", ".join(texts), (place, edge), xycoords=("data", "axes fraction"), textcoords="offset points",
            xytext=(-7 if on_the_right else 7, 0), ha="right" if on_the_right else "left",
            va="bottom" if sign > 0 else "top", color=BAD, fontsize=8,
        )  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
