"""Scales: where the values of a setting lie on an axis and which are written, which returns are in view.

Pure functions: the plots place everything at the positions given here; matplotlib knows linear axes alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ppo_cli.report.numbers import number
from ppo_cli.report.text import clean
from ppo_cli.storage.json_file import as_number
from ppo_cli.sweeps.spec.points import value_text as exact_value_text

_WIDE = 100.0  # positive numbers that differ by this factor need a log axis
_FEW = 10  # so many values are all written at the axis, if there is room
_CLOSEST = 1e-9  # numbers that are relatively no further apart have one place on an axis, but for rounding
_MARGIN = 0.06  # of the span, beside the outermost values
_MOST_TICKS = 6
_MOST = 1e100  # returns beyond are as good as infinite


@dataclass(frozen=True)
class Scale:
    """The axis of one setting.

    Attributes:
        kind: Numbers lie where their value or its logarithm says, everything else evenly spaced.
        values: The distinct values, in their order along the axis.
    """

    kind: Literal["linear", "log", "category"]
    values: tuple[Any, ...]

    def at(self, value: object) -> float | None:
        """The position of a value; None for one that has no place on this axis."""
        if self.kind == "category":
            places = [place for place, each in enumerate(self.values) if same(each, value)]
            return float(places[0]) if places else None
        as_float = as_number(value)
        if self.kind == "linear" or as_float is None:
            return as_float
        return math.log10(as_float) if as_float > 0 else None

    @property
    def is_ordered(self) -> bool:
        """Whether the values are numbers, so that a line from one to the next makes sense."""
        return all(map(_is_number, self.values))

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of the axis."""
        if self.kind == "category":
            return -0.5, len(self.values) - 0.5
        places = [place for value in self.values if (place := self.at(value)) is not None]
        margin = _MARGIN * (max(places) - min(places))
        return min(places) - margin, max(places) + margin

    def ticks(self, room: float) -> list[tuple[float, str]]:
        """Positions and their texts.

        Args:
            room: How many characters fit along the axis. Of the texts that would overlap only the first is
                left; all categories are written.
        """
        if self.kind == "category":
            return [(float(place), value_text(value)) for place, value in enumerate(self.values)]
        low, high = self.limits
        known = self.values if len(self.values) <= _FEW else ()
        marks = known or _round_marks(low, high, log=self.kind == "log")
        placed = [(place, value_text(mark)) for mark in marks if (place := self.at(mark)) is not None]
        return _apart(placed, (high - low) / room)


def scale_of(values: Iterable[object], *, log: bool | None = None) -> Scale:
    """The axis for some values of a setting, in the order in which they should stand if they are no numbers.

    Numbers that are all so close together that they would have one place are spaced evenly.

    Args:
        values: May repeat.
        log: Whether the axis of positive numbers is a log axis; None leaves it to the numbers: those that
            span two decades get one, and those that are spaced evenly on it.
    """
    distinct: list[Any] = []
    for value in map(plain, values):
        if not any(same(value, each) for each in distinct):
            distinct.append(value)
    if len(distinct) < 2 or not all(map(_is_number, distinct)):
        return Scale("category", tuple(distinct))
    distinct.sort()
    if distinct[-1] - distinct[0] <= _CLOSEST * max(abs(distinct[0]), abs(distinct[-1])):
        return Scale("category", tuple(distinct))
    positive = [value for value in distinct if value > 0]
    wants_log = _spans_decades(positive) if log is None else log
    if len(positive) == len(distinct):
        return Scale("log" if wants_log else "linear", tuple(distinct))
    # A zero has no place on the log axis that the others need.
    return Scale("category" if wants_log and len(distinct) <= _FEW else "linear", tuple(distinct))


def value_text(value: object) -> str:
    """A value of a setting in a few characters.

    >>> [value_text(value) for value in (None, True, (64, 64), 1e-5, 0.00031415, 2048, 0.5, "relu")]
    ['null', 'true', '64x64', '1e-05', '0.0003142', '2048', '0.5', 'relu']
    """
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.4g}"
    return clean(exact_value_text(plain(value))).replace("\n", " ")


def return_text(value: float, span: float) -> str:
    """A return beside a plot, as exact as the span of the returns on it makes sense.

    >>> return_text(-5210.4, 900.0), return_text(231.44, 25.0), return_text(-0.004, 1.0)
    ('−5210', '231.4', '0.00')
    """
    if not 1e-9 < span < 1e9:
        return number(value, 3)
    digits = max(0, 2 - math.floor(math.log10(span)))
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def view_limits(values: Iterable[float], also: Iterable[float] = ()) -> tuple[float, float]:
    """The part of the returns to show: all, unless very few lie so far off that they would hide the rest.

    Args:
        values: The returns; what is NaN or infinite is left out.
        also: Ends of intervals, to be shown as far as they at most double what the returns span.
    """
    returns = np.array([value for value in values if abs(value) < _MOST], dtype=float)
    if not returns.size:
        return 0.0, 1.0
    centre = float(np.median(returns))
    usual = max(6.0 * float(np.median(np.abs(returns - centre))), 0.5 * abs(centre), 1.0)
    if np.ptp(returns) > 10.0 * usual:
        near = returns[np.abs(returns - centre) <= 5.0 * usual]
        returns = near if returns.size - near.size <= max(1, returns.size // 10) else returns
    low, high = float(returns.min()), float(returns.max())
    span = max(high - low, 0.02 * abs(centre), 1e-3)
    ends = [min(max(end, low - span / 2), high + span / 2) for end in also if math.isfinite(end)]
    low, high = min([low, *ends]), max([high, *ends])
    margin = 0.08 * max(high - low, span)
    return low - margin, high + margin


def colour_limits(values: Sequence[float]) -> tuple[float, float]:
    """The smallest and the largest return, but for very few that lie far off; never equal."""
    low, high = view_limits(values)
    inside = [value for value in values if low <= value <= high]
    low, high = min(inside, default=0.0), max(inside, default=1.0)
    half = max(0.5, 0.001 * abs(low))
    return (low, high) if high > low else (low - half, high + half)


def plain(value: object) -> Any:
    """A value as it is compared: lists from files become tuples."""
    return tuple(map(plain, value)) if isinstance(value, (list, tuple)) else value


def same(value: object, other: object) -> bool:
    """Tell whether two values are the same setting: ``True`` is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and plain(value) == plain(other)


def _is_number(value: object) -> bool:
    as_float = as_number(value)
    return as_float is not None and math.isfinite(as_float)


def _spans_decades(positive: Sequence[float]) -> bool:
    """Tell whether ascending positive numbers are told apart better on a log axis."""
    if len(positive) < 2 or positive[-1] < 10.0 * positive[0]:
        return False
    steps = [math.log(high / low) for low, high in itertools.pairwise(positive)]
    return positive[-1] >= _WIDE * positive[0] or (len(steps) > 1 and max(steps) <= 1.3 * min(steps))


def _apart(placed: Sequence[tuple[float, str]], per_char: float) -> list[tuple[float, str]]:
    """Empty the texts that would touch the one before them; a tick without text stays."""
    ticks: list[tuple[float, str]] = []
    free_from = -math.inf
    for place, text in placed:
        half = (len(text) + 1) / 2 * per_char
        fits = place - half >= free_from
        ticks.append((place, text if fits else ""))
        free_from = place + half if fits else free_from
    return ticks


def _round_marks(low: float, high: float, *, log: bool) -> list[float]:
    """Round numbers between two positions."""
    if log:
        decades = range(math.floor(low), math.ceil(high) + 1)
        for parts in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
            marks = [
                part * 10.0**decade for decade in decades for part in parts
                if low <= math.log10(part) + decade <= high
            ]  # fmt: skip
            if len(marks) >= 3:
                return marks[:: math.ceil(len(marks) / _MOST_TICKS)]
        return _round_marks(10.0**low, 10.0**high, log=False)
    rough = (high - low) / _MOST_TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * part for part in (1, 2, 5, 10) if size * part >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(index * step, 12) for index in range(first, last + 1)]
