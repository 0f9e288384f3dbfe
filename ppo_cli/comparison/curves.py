"""Sample efficiency: how fast one run learned, from its learning curve."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ppo_cli.comparison.statistics import usable


def steps_to_threshold(steps: Sequence[float], returns: Sequence[float], threshold: float) -> float | None:
    """Environment steps at the first point of a learning curve that reaches ``threshold``; None if none does.

    Args:
        steps: Of each point, increasing.
        returns: At each point; one that is not a number reaches nothing.
        threshold: Return that counts as solved.
    """
    points = zip(steps, returns, strict=True)
    return next((float(step) for step, value in points if value >= threshold), None)


def area_under_curve(
    steps: Sequence[float],
    returns: Sequence[float],
    until: float | None = None,
    since: float | None = None,
) -> float:
    """Area under a learning curve, divided by its length in steps: the return averaged over training.

    The curve is the straight lines between its points. A curve of one point is that point.

    Args:
        steps: Of each point, increasing.
        returns: At each point.
        until: Steps at which to stop, so that runs of unequal length can be compared; default its end.
        since: Steps at which to begin; default its first point.

    Returns:
        In units of the return; NaN for a curve without points, with values that are not finite, or that does
        not reach from ``since`` to ``until``.
    """
    if len(steps) != len(returns):
        raise ValueError(f"{len(steps)} steps, but {len(returns)} returns")
    if not (usable(steps) and usable(returns)):
        return math.nan
    x, y = np.asarray(steps, dtype=float), np.asarray(returns, dtype=float)
    begin = float(x[0]) if since is None else since
    end = float(x[-1]) if until is None else until
    if not x[0] <= begin <= end <= x[-1]:
        return math.nan
    if begin == end:
        return float(np.interp(end, x, y))
    inner = (x > begin) & (x < end)
    grid = np.concatenate([[begin], x[inner], [end]])
    return float(np.trapezoid(np.interp(grid, x, y), grid) / (end - begin))
