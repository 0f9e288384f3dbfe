"""Every pair of groups: how far apart they are, and whether chance between seeds explains it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ppo_cli.comparison.significance import Difference, holm, permutation_p, seeds_to_settle, welch
from ppo_cli.comparison.statistics import improvement_interval, probability_of_improvement
from ppo_cli.comparison.verdict import ALPHA, pair_verdict


@dataclass(frozen=True)
class PairResult:
    """Two groups against each other, the first minus the second.

    Attributes:
        a: The first group.
        b: The second one.
        difference: Of the means over seeds.
        ci95: Its 95 % interval (Welch).
        probability_of_improvement: That a seed of the first group ends higher than one of the second.
        poi_ci95: Its 95 % bootstrap interval.
        p_value: Of Welch's t test, corrected for all pairs (Holm).
        p_uncorrected: The same without the correction.
        permutation_p: Of the permutation test, corrected for all pairs (Holm).
        permutation_p_uncorrected: The same without the correction.
        more_seeds: More seeds per group that would probably settle it; 0 where it is settled, None for no
            practical number or where nothing can be said.
        verdict: What this means, in words.
    """

    a: str
    b: str
    difference: float
    ci95: tuple[float, float]
    probability_of_improvement: float
    poi_ci95: tuple[float, float]
    p_value: float
    p_uncorrected: float
    permutation_p: float
    permutation_p_uncorrected: float
    more_seeds: int | None
    verdict: str

    @property
    def differs(self) -> bool:
        """Whether the groups differ by more than chance explains."""
        return self.p_value <= ALPHA

    @property
    def result(self) -> Difference:
        """The difference as a verdict quotes it."""
        return Difference(self.difference, self.ci95, self.p_uncorrected, math.nan)


def compare_pairs(
    values: Mapping[str, Sequence[float]], comparative: str = "better"
) -> tuple[PairResult, ...]:
    """Compare every group with every other.

    Args:
        values: By group, one value per seed.
        comparative: What a group with higher values is called.
    """
    names = list(itertools.combinations(values, 2))
    tests = [welch(values[a], values[b]) for a, b in names]
    shuffled = [_shuffled(values[a], values[b]) for a, b in names]
    corrected = zip(holm([test.p_value for test in tests]), holm(shuffled), strict=True)
    made = sum(not math.isnan(test.p_value) for test in tests)
    results = []
    for (a, b), test, p_alone, (p, permutation) in zip(names, tests, shuffled, corrected, strict=True):
        more = 0 if p <= ALPHA else seeds_to_settle(values[a], values[b], alpha=ALPHA / max(1, made))
        sizes = len(values[a]), len(values[b])
        results.append(
            PairResult(
                a=a,
                b=b,
                difference=test.difference,
                ci95=test.ci95,
                probability_of_improvement=probability_of_improvement(values[a], values[b]),
                poi_ci95=improvement_interval(values[a], values[b]),
                p_value=p,
                p_uncorrected=test.p_value,
                permutation_p=permutation,
                permutation_p_uncorrected=p_alone,
                more_seeds=more,
                verdict=pair_verdict(a, b, test, p, *sizes, more, made, comparative),
            )
        )
    return tuple(results)


def _shuffled(a: Sequence[float], b: Sequence[float]) -> float:
    """The permutation test, of groups with two seeds at least: one alone has no spread to be judged by."""
    return permutation_p(a, b) if min(len(a), len(b)) >= 2 else math.nan
