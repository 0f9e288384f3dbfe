"""Values spread over a range, evenly or by equal factors, written with as few digits as tell them apart."""

from __future__ import annotations

import math
from itertools import pairwise

_DIGITS = (6, 9, 12, 17)
"""Significant digits to try; 17 are exact."""


def spaced(low: float, high: float, count: int, *, log: bool) -> tuple[float, ...]:
    """``count`` values from ``low`` to ``high``, both included; whole numbers when both ends are.

    >>> spaced(0.1, 0.4, 4, log=False), spaced(1e-4, 1e-2, 3, log=True), spaced(32, 512, 5, log=True)
    ((0.1, 0.2, 0.3, 0.4), (0.0001, 0.001, 0.01), (32, 64, 128, 256, 512))

    Args:
        low: The first value; positive when ``log``.
        high: The last value, larger.
        count: How many, at least 2. Fewer come when there are not so many whole numbers, or floats, between.
        log: Equal factors between neighbours instead of equal steps.
    """
    inner = [_between(low, high, index / (count - 1), log=log) for index in range(1, count - 1)]
    if isinstance(low, int) and isinstance(high, int):
        return tuple(sorted({low, high, *(min(max(round(value), low), high) for value in inner)}))
    for digits in _DIGITS:
        values = (low, *(float(f"{value:.{digits}g}") for value in inner), high)
        if all(before < after for before, after in pairwise(values)):
            return values
    return tuple(sorted({low, high, *(min(max(value, low), high) for value in inner)}))


def _between(low: float, high: float, share: float, *, log: bool) -> float:
    """The value at ``share`` of the way; written so that no difference of the ends can overflow."""
    if log:
        return math.exp((1 - share) * math.log(low) + share * math.log(high))
    return (1 - share) * low + share * high
