"""The effects of a study's settings as bars: shares of the variance between runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppo_cli.comparison.effects import Effect
from ppo_cli.comparison.verdict import ALPHA
from ppo_cli.report.plotting.marks import INK, PALE
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_effects(axes: Axes, effects: Sequence[Effect]) -> None:
    """A bar for each effect, the largest at the top; pale where chance would explain as much."""
    places = range(len(effects), 0, -1)
    for sure, colour, label in (
        (True, INK, f"p < {ALPHA:g}, corrected for all effects"),
        (False, PALE, "chance would explain as much"),
    ):
        own = [
            (place, effect)
            for place, effect in zip(places, effects, strict=True)
            if (effect.p_value < ALPHA) == sure
        ]
        if own:
            axes.barh(
                [place for place, _ in own], [effect.share for _, effect in own], color=colour, height=0.6,
                label=label,
            )  # fmt: skip
    for place, effect in zip(places, effects, strict=True):
        axes.annotate(
            f"{effect.share:.0%}",
            (effect.share, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(list(places), [clean(effect.text) for effect in effects])
    axes.set_xlim(0.0, min(1.0, 1.12 * max(effect.share for effect in effects) + 0.02))
    axes.set_xlabel("share of the variance between runs")
    axes.grid(False, axis="y")
