"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

MISSING = "-"


def number(value: float | None, digits: int = 4) -> str:
    """A number in about ``digits`` significant digits, without surprises for huge or tiny ones.

    >>> number(123.456), number(0.00812), number(2.5e-4), number(1e6), number(None)
    ('123.5', '0.00812', '0.00025', '1000000', '-')
    """
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    size = abs(value)
    if size >= 10**digits:
        return f"{value:.0f}" if size < 1e9 else f"{value:.{digits - 1}e}"
    return f"{value:.{digits}g}" if size == 0 or size >= 1e-4 else f"{value:.1e}"


def count(value: float | None) -> str:
    """A whole number with thousands separated.

    >>> count(1_000_000)
    '1,000,000'
    """
    return MISSING if value is None or not math.isfinite(value) else f"{value:,.0f}"


def plural(number_of: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "run"), plural(1200, "run")
    ('1 run', '1,200 runs')
    """
    return f"{count(number_of)} {noun}{'' if number_of == 1 else 's'}"


def range_text(sizes: Sequence[int]) -> str:
    """The smallest and the largest of some ascending numbers.

    >>> range_text([5]), range_text([3, 4, 7])
    ('5', '3 to 7')
    """
    return f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"


def short_count(value: float | None) -> str:
    """A count in a few characters.

    >>> short_count(999), short_count(14_250), short_count(1_000_000)
    ('999', '14.2k', '1M')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"


def duration(seconds: float | None) -> str:
    """A time span.

    >>> duration(4.2), duration(62), duration(3_725), duration(200_000), duration(None)
    ('0:04', '1:02', '1:02:05', '2d 7h', '-')
    """
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    whole = max(0, int(seconds))
    if whole >= 86_400:
        return f"{whole // 86_400}d {whole % 86_400 // 3_600}h"
    hours, minutes, rest = whole // 3_600, whole % 3_600 // 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(num_bytes: float) -> str:
    """A file size.

    >>> size(512), size(70_400), size(3_000_000)
    ('512 B', '70.4 kB', '3 MB')
    """
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if num_bytes >= factor:
            return f"{num_bytes / factor:.3g} {unit}"
    return f"{num_bytes:.0f} B"


def interval(mean: float | None, low: float | None, high: float | None, sign: str = "±") -> str:
    """A mean and its 95 % interval, as mean ± half the width where it is symmetric.

    >>> interval(200.0, 190.0, 210.0), interval(200.0, 150.0, 210.0), interval(5.0, None, None)
    ('200 ± 10', '200 [150, 210]', '5')
    """
    if mean is None or low is None or high is None or not all(map(math.isfinite, (mean, low, high))):
        return number(mean)
    below, above = mean - low, high - mean
    if math.isclose(below, above, rel_tol=0.05, abs_tol=1e-9):
        return f"{number(mean)} {sign} {number((below + above) / 2, 2 if above < 10 else 4)}"
    return f"{number(mean)} [{number(low)}, {number(high)}]"
