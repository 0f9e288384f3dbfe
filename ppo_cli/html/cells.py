"""Numbers as cells of tables and as headline cards."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ppo_cli.html.content import Cell
from ppo_cli.report.numbers import count, duration, number, plural

NOTHING = "–"
GOOD = "completed"


def text_cell(text: object, mark: str = "") -> Cell:
    """A text; nothing is a dash."""
    return Cell(NOTHING if text is None or text == "" else str(text), mark=mark)


def number_cell(value: float | None) -> Cell:
    """A number, sorted by its value."""
    return Cell(shown(value), math.nan if value is None else value)


def count_cell(value: float | None) -> Cell:
    """A whole number with its thousands apart."""
    return Cell(counted(value), math.nan if value is None else value)


def time_cell(seconds: float | None) -> Cell:
    """A time span."""
    return Cell(lasted(seconds), math.nan if seconds is None else seconds)


def interval_cell(interval: tuple[float, float]) -> Cell:
    """An interval, sorted by its lower end."""
    return Cell(interval_text(interval), interval[0])


def status_cell(status: str, reason: str | None = None) -> Cell:
    """A status with its reason; anything but a completed run is marked."""
    text = status if not reason or reason == status else f"{status}: {reason.removeprefix(f'{status}: ')}"
    return text_cell(text, "" if status == GOOD else "bad")


def counted(value: float | None) -> str:
    """A whole number with its thousands apart."""
    return _dashed(count(value))


def lasted(seconds: float | None) -> str:
    """A time span."""
    return _dashed(duration(seconds))


def shown(value: float | None) -> str:
    """A number in about four digits, with a true minus.

    >>> shown(-12.3456), shown(2.5e-5), shown(None)
    ('−12.35', '2.5e-05', '–')
    """
    text = _dashed(number(value))
    return f"−{text[1:]}" if text.startswith("-") else text


def interval_text(interval: tuple[float, float]) -> str:
    """An interval in words that cannot be taken for a subtraction; a dash where there is none.

    >>> interval_text((-3.5, 12.25))
    '−3.5 to 12.25'
    """
    low, high = interval
    return NOTHING if math.isnan(low) or math.isnan(high) else f"{shown(low)} to {shown(high)}"


def seeds_text(number_of: int) -> str:
    """Say how many seeds there are.

    >>> seeds_text(1), seeds_text(5)
    ('1 seed', '5 seeds')
    """
    return plural(number_of, "seed")


def statuses_text(statuses: Sequence[str]) -> str:
    """Say how the runs stand, those that are well first.

    >>> statuses_text(["completed", "completed"]), statuses_text(["diverged", "completed"])
    ('completed', '1 completed, 1 diverged')
    """
    order = sorted(dict.fromkeys(statuses), key=lambda status: status != GOOD)
    kinds = {status: statuses.count(status) for status in order}
    return (
        next(iter(kinds), NOTHING)
        if len(kinds) < 2
        else ", ".join(f"{n} {kind}" for kind, n in kinds.items())
    )


def _dashed(text: str) -> str:
    return NOTHING if text == "-" else text
