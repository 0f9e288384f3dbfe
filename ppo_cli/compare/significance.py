"""Whether two groups of returns differ by more than chance between seeds explains."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ppo_cli.compare.statistics import NO_INTERVAL, FloatArray, usable
from ppo_cli.compare.student_t import t_cdf, t_quantile

MOST_EXACT = 20_000
MONTE_CARLO = 9_999
MOST_SEEDS = 10_000


@dataclass(frozen=True)
class Difference:
    """A difference between the means of two groups, first minus second.

    Attributes:
        difference: In the unit of the values; NaN where a group is empty or a value is not finite.
        ci95: Its 95 % confidence interval; NaN where the spread between seeds cannot be known.
        p_value: Probability of such a difference by chance alone; NaN where nothing can be said.
        df: Degrees of freedom of the test; NaN where there is no spread to test against.
    """

    difference: float
    ci95: tuple[float, float]
    p_value: float
    df: float

    @property
    def opposite(self) -> Difference:
        """The second minus the first."""
        low, high = self.ci95
        return replace(self, difference=-self.difference, ci95=(-high, -low))


def welch(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Welch's t test: two groups of any spread and size (Welch 1947, Satterthwaite's degrees of freedom).

        t = (mean(a) - mean(b)) / sqrt(s_a^2 / n_a + s_b^2 / n_b)

    With fewer than two values in a group there is no p value and no interval. Where neither group has any
    spread, t is 0 / 0 or infinite: there is no interval, and the p value is the permutation test's, because
    seeds that agree exactly are not proof of a spread of zero.
    """
    if not (usable(a) and usable(b)):
        return Difference(math.nan, NO_INTERVAL, math.nan, math.nan)
    difference = float(np.mean(a) - np.mean(b))
    if min(len(a), len(b)) < 2:
        return Difference(difference, NO_INTERVAL, math.nan, math.nan)
    error, df = _standard_error(_variance(a), len(a), _variance(b), len(b))
    if error == 0:
        p_value = _constants_p(len(a), len(b)) if a[0] != b[0] else 1.0
        return Difference(difference, NO_INTERVAL, p_value, math.nan)
    half = t_quantile(0.975, df) * error
    p_value = 2 * t_cdf(-abs(difference) / error, df)
    return Difference(difference, (difference - half, difference + half), p_value, df)


def permutation_p(a: Sequence[float], b: Sequence[float], seed: int = 0) -> float:
    """Two-sided p value of the difference of means if the labels of the values meant nothing.

    Twice the smaller share of the relabellings whose difference is at least as far to one side. All of them
    are tried where they are no more than 20,000, otherwise 9,999 random ones and the observed one.

    Args:
        a: One group.
        b: The other.
        seed: Of the random relabellings.
    """
    if not (usable(a) and usable(b)):
        return math.nan
    few, many = sorted((a, b), key=len)
    pooled = np.concatenate([few, many]).astype(float)
    pooled -= pooled.mean()
    # The sum of one group tells the difference of the means, because the sum of both stays the same.
    observed = float(pooled[: len(few)].sum())
    sums, extra = _relabelled_sums(pooled, len(few), seed)
    slack = 1e-12 * float(np.abs(pooled).sum())
    above = int((sums >= observed - slack).sum()) + extra
    below = int((sums <= observed + slack).sum()) + extra
    return min(1.0, 2 * min(above, below) / (len(sums) + extra))


def holm(p_values: Sequence[float], family: int | None = None) -> tuple[float, ...]:
    """P values corrected for the number of comparisons (Holm 1979), in the order given.

        adjusted of the i-th smallest = max over j <= i of (family - j + 1) p_j, at most 1

    Args:
        p_values: One per comparison; NaN stays NaN and counts as not made.
        family: Comparisons out of which these were chosen, where they are more than these (those to the best
            group, chosen by looking at all pairs); default these.
    """
    made = [i for i, p in enumerate(p_values) if not math.isnan(p)]
    size = max(len(made), family or 0)
    adjusted, highest = [math.nan] * len(p_values), 0.0
    for rank, i in enumerate(sorted(made, key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (size - rank) * p_values[i]))
        adjusted[i] = highest
    return tuple(adjusted)


def seeds_to_settle(
    a: Sequence[float], b: Sequence[float], power: float = 0.8, alpha: float = 0.05
) -> int | None:
    """More seeds per group that would probably make a difference of this size significant.

    Probably: with probability ``power``, if the true difference and spreads are those observed. From a few
    seeds this is a rough estimate.

    Args:
        a: One group.
        b: The other.
        power: Probability of a p value below ``alpha``. A t distribution shifted by the expected t stands for
            the noncentral one, which errs by a seed or so.
        alpha: What counts as significant: divide it by the number of comparisons.

    Returns:
        0 where the difference is significant already; None where more than 10,000 seeds would be needed (as
        for no difference at all), or a group has fewer than two values.
    """
    observed = welch(a, b)
    if math.isnan(observed.p_value) or observed.difference == 0:
        return None
    if observed.p_value <= alpha:
        return 0
    spread = _variance(a), _variance(b)

    def settled(more: int) -> bool:
        n_a, n_b = len(a) + more, len(b) + more
        error, df = _standard_error(spread[0], n_a, spread[1], n_b)
        if error == 0:
            return _constants_p(n_a, n_b) <= alpha
        return 1 - t_cdf(t_quantile(1 - alpha / 2, df) - abs(observed.difference) / error, df) >= power

    too_few, enough = 0, 1
    while not settled(enough):
        if enough == MOST_SEEDS:
            return None
        too_few, enough = enough, min(2 * enough, MOST_SEEDS)
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if settled(middle) else (middle, enough)
    return enough


def _variance(values: Sequence[float]) -> float:
    """Of the population, from at least two values; exactly 0 for equal ones, without rounding."""
    return 0.0 if min(values) == max(values) else float(np.var(values, ddof=1))


def _standard_error(variance_a: float, n_a: int, variance_b: float, n_b: int) -> tuple[float, float]:
    """Standard error of the difference of two means, and its degrees of freedom (NaN without any spread)."""
    part_a, part_b = variance_a / n_a, variance_b / n_b
    total = part_a + part_b
    if total == 0:
        return 0.0, math.nan
    df = 1 / ((part_a / total) ** 2 / (n_a - 1) + (part_b / total) ** 2 / (n_b - 1))
    return math.sqrt(total), df


def _constants_p(n_a: int, n_b: int) -> float:
    """Permutation p value of two groups each without spread: only the observed labels are as extreme."""
    return min(1.0, 2 / math.comb(n_a + n_b, n_a))


def _relabelled_sums(
    pooled: FloatArray,  # [n]
    size: int,
    seed: int,
) -> tuple[FloatArray, int]:
    """Sums of every choice of ``size`` values, or of random ones and 1 more to count: the observed."""
    if math.comb(len(pooled), size) <= MOST_EXACT:
        choices = np.array(list(itertools.combinations(range(len(pooled)), size)))
        return np.asarray(pooled[choices].sum(axis=1), dtype=float), 0
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(np.tile(pooled, (MONTE_CARLO, 1)), axis=1)
    return np.asarray(shuffled[:, :size].sum(axis=1), dtype=float), 1
