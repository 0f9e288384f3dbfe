"""Performance profiles (Agarwal et al. 2021): which share of the seeds ends above each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ppo_cli.comparison.statistics import performance_profile
from ppo_cli.report.plotting.curves import REST
from ppo_cli.report.plotting.marks import MARK, view_with_threshold
from ppo_cli.report.plotting.scales import view_limits
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_profiles(
    axes: Axes,
    values: Mapping[str, Sequence[float]],
    colours: Mapping[str, str],
    *,
    xlabel: str,
    threshold: float | None,
) -> None:
    """A falling line of steps for each group: the one further to the right is better.

    Args:
        axes: Where.
        values: By group, one value per seed.
        colours: Of the groups; one without a colour is pale.
        xlabel: What the values are.
        threshold: The value that counts as solved, or None.
    """
    low, high = view_with_threshold(
        *view_limits(value for group in values.values() for value in group), threshold
    )
    for label, group in values.items():
        if group:
            marks = [low, *sorted(value for value in set(group) if low < value < high), high]
            pale = {"color": REST, "linewidth": 0.9, "zorder": 1, "label": "the others"}
            bright = {"color": colours.get(label), "linewidth": 1.9, "zorder": 3, "label": clean(label)}
            axes.plot(
                marks,
                performance_profile(group, marks),
                drawstyle="steps-post",
                **(bright if label in colours else pale),
            )
    if threshold is not None and low <= threshold <= high:
        label = f"solved: {threshold:g}"
        axes.axvline(threshold, color=MARK, linewidth=1, linestyle="--", zorder=1, label=label)
    axes.set_xlim(low, high)
    axes.set_ylim(-0.02, 1.04)
    axes.set_xlabel(xlabel)
    axes.set_ylabel("share of seeds above")
