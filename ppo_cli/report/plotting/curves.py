"""Learning curves of several groups of runs: mean or IQM over seeds with its 95 % band, on axes given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ppo_cli.comparison.statistics import iqm, iqm_band
from ppo_cli.report.numbers import count, range_text
from ppo_cli.report.plotting.marks import mark_threshold, view_with_threshold
from ppo_cli.report.plotting.scales import view_limits
from ppo_cli.report.text import clean
from ppo_cli.runs.eval_stats import t_quantile_95

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
Seeds = Sequence[tuple[Floats, Floats]]  # steps [T] and returns [T], one pair per seed

REST = "#c4c4c4"
# Okabe and Ito's colours (2008), told apart by colour-blind readers; without yellow, which is faint on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MOST_COLOURED = len(PALETTE)
_GRID = 256
_NEAR_END = 0.02  # of the steps: no seed has ended early that ends so near the end


@dataclass(frozen=True)
class MeanCurve:
    """The mean, or the interquartile mean, of several curves on one grid of steps.

    Attributes:
        steps: Where, ``[G]``.
        mean: Over the seeds that reach so far, ``[G]``.
        low: Lower end of its 95 % interval, ``[G]``; nan where there is one seed.
        high: Its upper end, ``[G]``.
        num_seeds: How many seeds reach so far, ``[G]``.
    """

    steps: Floats
    mean: Floats
    low: Floats
    high: Floats
    num_seeds: NDArray[np.int64]

    @property
    def is_whole(self) -> NDArray[np.bool_]:
        """Whether all seeds reach so far, ``[G]``."""
        whole: NDArray[np.bool_] = self.num_seeds == self.num_seeds.max()
        return whole

    @property
    def last(self) -> float:
        """The mean where it ends with all seeds."""
        return float(self.mean[self.is_whole][-1])


def mean_curve(seeds: Seeds, *, points: int = _GRID) -> MeanCurve | None:
    """The mean over seeds and its 95 % interval by Student's t, at common steps.

    The grid begins where all seeds have begun. A seed counts up to its last step and is linear in between; if
    it ends just before the longest one, its last return stays. What is not finite is left out. None when
    nothing is left.

    Args:
        seeds: Steps and returns of each seed, of any lengths.
        points: Size of the grid.
    """
    on_grid = _on_grid(seeds, points)
    if on_grid is None:
        return None
    grid, rows = on_grid
    number = np.isfinite(rows).sum(0)
    mean = np.nansum(rows, 0) / number
    spread = np.sqrt(np.nansum((rows - mean) ** 2, 0) / np.maximum(number - 1, 1))
    half = t_quantile_95(number - 1) * spread / np.sqrt(number)
    return MeanCurve(grid, mean, mean - half, mean + half, number)


def iqm_curve(seeds: Seeds, *, points: int = _GRID) -> MeanCurve | None:
    """The interquartile mean over seeds, as :func:`mean_curve`; its 95 % interval is a bootstrap over seeds.

    Args:
        seeds: Steps and returns of each seed, of any lengths.
        points: Size of the grid.
    """
    on_grid = _on_grid(seeds, points)
    if on_grid is None:
        return None
    grid, rows = on_grid
    number = np.isfinite(rows).sum(0)
    middle = np.array([iqm(column[np.isfinite(column)].tolist()) for column in rows.T])
    return MeanCurve(grid, middle, *iqm_band(rows), number)


CURVES: Mapping[str, Callable[[Seeds], MeanCurve | None]] = {"mean": mean_curve, "iqm": iqm_curve}
"""What can be drawn of several seeds."""


_NAMES = {"mean": "mean", "iqm": "IQM"}
_BANDS = {"mean": "95 % interval of the mean", "iqm": "95 % bootstrap interval"}


def explain_curves(curves: Mapping[str, Seeds], kind: str = "mean") -> str:
    """Explain the lines and bands of some groups.

    Args:
        curves: By group, the curves of its seeds.
        kind: ``mean`` or ``iqm``, of the seeds.
    """
    sizes = sorted({len(seeds) for seeds in curves.values() if len(seeds)})
    if not sizes:
        return ""
    parts = ["1 seed each: no band"]
    if sizes != [1]:
        parts = [f"{_NAMES[kind]} of {range_text(sizes)} seeds each; band: {_BANDS[kind]}"]
    means = [mean_curve(seeds) for seeds in curves.values()]
    if any(curve is not None and not curve.is_whole.all() for curve in means):
        parts.append("dotted: some seeds have ended")
    if len(curves) > MOST_COLOURED:
        parts.append(f"coloured: the best {MOST_COLOURED} of {count(len(curves))}")
    return "; ".join(parts)


def _on_grid(seeds: Seeds, points: int) -> tuple[Floats, Floats] | None:  # [G], [S, G]
    """All curves on one grid; NaN where a seed has ended. None when nothing is finite."""
    usable = [pair for pair in (_finite(*pair) for pair in seeds) if pair[0].size]
    if not usable:
        return None
    first, last = max(steps[0] for steps, _ in usable), max(steps[-1] for steps, _ in usable)
    grid = np.linspace(first, last, points if last > first else 1)
    near = last - _NEAR_END * (last - first)
    rows = np.array(
        [
            np.interp(grid, steps, values, right=values[-1] if steps[-1] >= near else np.nan)
            for steps, values in usable
        ]
    )
    return grid, rows


def step_unit(most: float) -> tuple[float, str]:
    """Choose what steps are divided by, and its name.

    >>> step_unit(500_000), step_unit(2_000_000)
    ((1000.0, 'thousands'), (1000000.0, 'millions'))
    """
    if most >= 1e6:
        return 1e6, "millions"
    return (1e3, "thousands") if most >= 1e4 else (1.0, "")


def draw_curves(
    axes: Axes, curves: Mapping[str, Seeds], *, ylabel: str, threshold: float | None, kind: str = "mean"
) -> dict[str, str]:
    """One line per group with its band; beyond seven groups all but the best are pale.

    Args:
        axes: Where.
        curves: By group, the curves of its seeds.
        ylabel: What they show.
        threshold: The value that counts as solved, or None.
        kind: ``mean`` or ``iqm``, of the seeds.

    Returns:
        The colours of the groups, without the pale ones.
    """
    shown = {label: curve for label, seeds in curves.items() if (curve := CURVES[kind](seeds)) is not None}
    unit, unit_name = step_unit(max((curve.steps[-1] for curve in shown.values()), default=1.0))
    coloured = _coloured(shown)
    for label, curve in shown.items():
        if label not in coloured:
            axes.plot(curve.steps / unit, curve.mean, color=REST, linewidth=0.9, zorder=1, label="the others")
    for label, colour in coloured.items():
        _draw_curve(
            axes, clean(label), shown[label], colour, unit, alpha=0.15 if len(coloured) <= 4 else 0.08
        )
    means = [curve.mean for curve in shown.values()]
    bands = [band for label in coloured for band in _band(shown[label])]
    low, high = view_limits(_joined(means), _joined(bands))
    axes.set_ylim(*view_with_threshold(low, high, threshold))
    mark_threshold(axes, threshold)
    axes.margins(x=0.01)
    axes.set_xlabel("environment steps per seed" + (f" ({unit_name})" if unit_name else ""))
    axes.set_ylabel(ylabel)
    return coloured


def _draw_curve(axes: Axes, label: str, curve: MeanCurve, colour: str, unit: float, alpha: float) -> None:
    """A mean and its band where all seeds are there, a dotted mean where some have ended."""
    steps = curve.steps / unit
    whole = np.where(curve.is_whole, curve.mean, np.nan)
    axes.plot(
        steps, whole, "o" if steps.size == 1 else "-", color=colour, linewidth=1.9, zorder=3, label=label
    )
    if not curve.is_whole.all():
        axes.plot(steps, curve.mean, color=colour, linewidth=1.3, linestyle=(0, (1, 1.5)), zorder=2)
    axes.fill_between(steps, *_band(curve), color=colour, alpha=alpha, linewidth=0, zorder=1)


def _band(curve: MeanCurve) -> tuple[Floats, Floats]:
    """The ends of the interval where all seeds are there: those that are left were not chosen by chance."""
    return np.where(curve.is_whole, curve.low, np.nan), np.where(curve.is_whole, curve.high, np.nan)


def _joined(parts: Sequence[Floats]) -> list[float]:
    return [value for part in parts for value in part.tolist()]


def _coloured(shown: Mapping[str, MeanCurve]) -> dict[str, str]:
    """The groups that get a colour, in their order: all of them, or the best when there are too many."""
    ranked = sorted(shown, key=lambda label: shown[label].last, reverse=True)[:MOST_COLOURED]
    return dict(zip((label for label in shown if label in ranked), PALETTE, strict=False))


def _finite(steps: Floats, values: Floats) -> tuple[Floats, Floats]:
    """The finite part of a curve, in the order of its steps."""
    steps, values = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    there = np.isfinite(steps) & np.isfinite(values)
    order = np.argsort(steps[there], kind="stable")
    return steps[there][order], values[there][order]
