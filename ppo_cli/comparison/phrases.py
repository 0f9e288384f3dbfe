"""Names, figures and numbers of seeds as they stand in a verdict."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ppo_cli.comparison.significance import Difference

# More names than these are counted, not listed.
MOST_NAMED = 4


def short_names(labels: Sequence[str]) -> list[str]:
    """Labels of one setting with its name only in the first; others as they are.

    >>> short_names(["eps_clip=0.2", "eps_clip=0.4"]), short_names(["eps_clip=0.2", "gamma=0.9"])
    (['eps_clip=0.2', '0.4'], ['eps_clip=0.2', 'gamma=0.9'])
    """
    parts = [re.fullmatch(r"([^=+,]+=)\s*([^=+,]+)", label) for label in labels]
    if len({part and part[1] for part in parts}) > 1:
        return list(labels)
    later = zip(labels[1:], parts[1:], strict=True)
    return [*labels[:1], *(part[2] if part else label for label, part in later)]


def listed(names: Sequence[str]) -> str:
    """Names in a row, the last after "and"; of many the first ones and a count.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c", "d", "e", "f"])
    ('a', 'a, b and c', 'a, b, c, d and 2 more')
    """
    if len(names) > MOST_NAMED + 1:
        names = [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more"]
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def signed_difference(result: Difference) -> str:
    """A difference with its interval, to two digits of the interval's half width: ``+31 [12, 50]``."""
    low, high = result.ci95
    if math.isnan(low):
        return f"{rounded(result.difference, abs(result.difference) / 10, '+')} without spread between seeds"
    half = (high - low) / 2
    return f"{rounded(result.difference, half, '+')} [{rounded(low, half)}, {rounded(high, half)}]"


def rounded(value: float, scale: float, sign: str = "-") -> str:
    """A number to two significant digits of ``scale``, or to whole numbers where that is finer.

    >>> rounded(1234.56, 20.0), rounded(1.23456, 0.051, "+")
    ('1,235', '+1.235')
    """
    if scale == 0:
        return f"{value:{sign}g}"
    if not 1e-5 <= scale < 1e9:
        return f"{value:{sign}.2e}"
    decimals = max(0, 1 - math.floor(math.log10(scale)))
    return f"{value:{sign}z,.{decimals}f}"


def p_value(p: float, comparisons: int = 1) -> str:
    """A p value and for how many comparisons it was corrected.

    >>> p_value(0.0042), p_value(0.42, 3), p_value(1e-9)
    ('p = 0.004', 'p = 0.42 (corrected for 3 comparisons)', 'p < 0.001')
    """
    if p < 0.001:
        return f"p < 0.001{corrected(comparisons)}"
    if p > 0.99:
        return f"p > 0.99{corrected(comparisons)}"
    return f"p = {p:.{3 if p < 0.1 else 2}f}{corrected(comparisons)}"


def corrected(comparisons: int) -> str:
    """Say for how many comparisons p values were corrected; nothing of a single one."""
    return f" (corrected for {comparisons:,} comparisons)" if comparisons > 1 else ""


def seed_counts(sizes: Sequence[int]) -> str:
    """Say how many seeds the groups have.

    >>> seed_counts([5, 5]), seed_counts([8, 5]), seed_counts([5, 3, 4])
    ('5 seeds each', '8 and 5 seeds', '3 to 5 seeds each')
    """
    low, high = min(sizes), max(sizes)
    if low == high:
        return f"{low} seeds each"
    return f"{sizes[0]} and {sizes[1]} seeds" if len(sizes) == 2 else f"{low} to {high} seeds each"


def outlook(more_seeds: int | None, what: str) -> str:
    """Say how many seeds would settle ``what``, a difference: an estimate, so two digits.

    >>> outlook(137, "it"), outlook(1, "it")
    ('about 140 more seeds each would settle it', 'about 1 more seed each would settle it')
    """
    if more_seeds is None:
        return f"no practical number of seeds would settle {what}"
    digits = max(0, len(str(more_seeds)) - 2)
    seeds = "1 more seed" if more_seeds == 1 else f"{round(more_seeds, -digits):,} more seeds"
    return f"about {seeds} each would settle {what}"
