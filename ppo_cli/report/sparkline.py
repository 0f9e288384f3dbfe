"""Curves and bars of one line of text."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-=*%#@"


class History:
    """A curve that never grows: when full, every second point goes and from then on every second is kept."""

    def __init__(self, capacity: int = 256) -> None:
        self.points: list[float] = []
        self._capacity = capacity
        self._stride = 1
        self._seen = 0

    def add(self, value: float | None) -> None:
        """Append a value; one that is missing or not finite is left out."""
        if value is None or not math.isfinite(value):
            return
        if self._seen % self._stride == 0:
            self.points.append(value)
        self._seen += 1
        if len(self.points) >= self._capacity:
            self.points = self.points[::2]
            self._stride *= 2


def sparkline(values: Sequence[float], width: int, *, unicode: bool = True) -> str:
    """A curve in at most ``width`` characters, the smallest value lowest.

    >>> sparkline([0, 1, 2, 3], 4)
    '▁▃▆█'
    """
    points = _resample([value for value in values if math.isfinite(value)], width)
    if not points:
        return ""
    blocks = _BLOCKS if unicode else _ASCII
    low, high = min(points), max(points)
    span = high / 2 - low / 2  # halves: the difference of two large numbers stays finite
    if span <= 0:
        return blocks[3] * len(points)
    top = len(blocks) - 1
    return "".join(blocks[round((point / 2 - low / 2) / span * top)] for point in points)


def _resample(values: Sequence[float], width: int) -> list[float]:
    """Thin a curve to at most ``width`` values: the means of equal pieces."""
    if width < 1 or len(values) <= width:
        return list(values[: max(0, width)])
    edges = [index * len(values) // width for index in range(width + 1)]
    pieces = [values[start:end] for start, end in itertools.pairwise(edges)]
    return [sum(value / len(piece) for value in piece) for piece in pieces]


def shares_bar(shares: Sequence[float], width: int) -> list[int]:
    """Deal ``width`` cells to shares; they add up to ``width`` (largest remainders).

    >>> shares_bar([0.5, 0.25, 0.25], 4)
    [2, 1, 1]
    """
    total = sum(shares)
    if total <= 0:
        return [0] * len(shares)
    exact = [share / total * width for share in shares]
    cells = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: cells[index] - exact[index])
    for index in by_remainder[: width - sum(cells)]:
        cells[index] += 1
    return cells
