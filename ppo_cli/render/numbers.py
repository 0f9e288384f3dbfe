"""Numbers that fit an overlay: few digits, and always as many, so that they do not jump."""

from __future__ import annotations

import math


def short(value: float) -> str:
    """A number in three or four digits, a whole one without decimals; a dash for NaN.

    >>> short(0.0312), short(-1.5), short(12.34), short(-345.6), short(math.nan), short(-0.0001), short(2.0)
    ('0.031', '-1.50', '12.3', '-346', '-', '0.000', '2')
    """
    if not math.isfinite(value):
        return "-" if math.isnan(value) else str(value)
    if value == int(value):
        return f"{int(value)}"
    size = abs(value)
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def total(value: float) -> str:
    """A sum of rewards, with one decimal.

    >>> total(-123.456), total(500.0), total(-0.04)
    ('-123.5', '500.0', '0.0')
    """
    if not math.isfinite(value):
        return "-" if math.isnan(value) else str(value)
    return f"{round(value, 1) + 0.0:.1f}" if abs(value) < 1e6 else f"{value:.3g}"
