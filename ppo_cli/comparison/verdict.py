"""Verdicts in words: which group of seeds is better, which cannot be told apart, and what would settle it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ppo_cli.comparison.phrases import (
    corrected,
    listed,
    outlook,
    p_value,
    rounded,
    seed_counts,
    short_names,
    signed_difference,
)
from ppo_cli.comparison.significance import Difference, holm, seeds_to_settle, welch
from ppo_cli.comparison.statistics import usable

ALPHA = 0.05


@dataclass(frozen=True)
class PointScores:
    """Returns of one point of a sweep, one per seed.

    Attributes:
        label: Name of the point, such as ``eps_clip=0.2``; no two points have the same.
        returns: One per seed that finished: the mean return of its final evaluation.
    """

    label: str
    returns: tuple[float, ...]


def pair_verdict(
    name_a: str,
    name_b: str,
    result: Difference,
    adjusted_p: float,
    n_a: int,
    n_b: int,
    more_seeds: int | None,
    comparisons: int = 1,
    comparative: str = "better",
) -> str:
    """Say which of two groups is better, or that they cannot be told apart, without a full stop.

    Args:
        name_a: First group.
        name_b: Second group; after ``eps_clip=0.2``, ``eps_clip=0.4`` is called 0.4.
        result: Welch test of the first minus the second.
        adjusted_p: Its p value, corrected for all comparisons that were made.
        n_a: Seeds of the first group.
        n_b: Seeds of the second group.
        more_seeds: More seeds per group that would settle the difference; None for no practical number.
        comparisons: Number of comparisons that the p value is corrected for.
        comparative: What a group with higher values is; "higher" where high values are not better.
    """
    if math.isnan(adjusted_p):
        reason = _why_no_pair((name_a, n_a), (name_b, n_b))
        return f"between {name_a} and {name_b} nothing can be said: {reason}"
    if adjusted_p <= ALPHA and result.difference < 0:
        return pair_verdict(
            name_b, name_a, result.opposite, adjusted_p, n_b, n_a, more_seeds, comparisons, comparative
        )
    a, b = short_names([name_a, name_b])
    numbers = f"{signed_difference(result)}, {p_value(adjusted_p, comparisons)}, {seed_counts([n_a, n_b])}"
    if adjusted_p <= ALPHA:
        return f"{a} is {comparative} than {b}: {numbers}"
    if result.difference == 0 and math.isnan(result.df):
        return f"{a} and {b} cannot be told apart: every seed gave the same, {seed_counts([n_a, n_b])}"
    return f"{a} and {b} cannot be told apart: {numbers}; {outlook(more_seeds, 'a difference of this size')}"


def sweep_sentence(points: Sequence[PointScores], default_label: str | None = None) -> str:
    """Say which points of a sweep differ from the default, and which cannot be told apart from it.

    P values are Welch's, corrected by Holm's method. Where the default is not in the sweep, or fewer than two
    of its seeds finished, the points are compared with the best one; that was chosen by looking at all of
    them, so the correction then counts every pair of points.

    Args:
        points: All points, also those of which no seed has finished.
        default_label: Label of the point with the default settings, where there is one.
    """
    tested = [point for point in points if _why_untested(point) is None]
    if len(tested) < 2:
        return f"Nothing can be said: {_why_no_test(points, tested)}."
    default = next((point for point in tested if point.label == default_label), None)
    reference = default or max(tested, key=_mean)
    family = len(tested) - 1 if default else math.comb(len(tested), 2)
    comparisons = _compare(tested, reference, family)
    clauses = [
        *_different(comparisons, "better"),
        *_different(comparisons, "worse"),
        *_undecided(comparisons, reference, family),
    ]
    kind = "default" if default else "best point,"
    mean = rounded(_mean(reference), abs(_mean(reference)) / 10)
    seeds = seed_counts([len(point.returns) for point in tested])
    return (
        f"Compared with the {kind} {reference.label} (mean {mean}): {'; '.join(clauses)}. "
        f"{seeds}, Welch's t test{corrected(family)}.{_left_out(points, reference)}"
    )


@dataclass(frozen=True)
class _Comparison:
    """A point compared with the reference.

    Attributes:
        point: The point.
        name: Its name in the sentence.
        result: Welch test of the point minus the reference.
        p: The p value, adjusted for all comparisons.
    """

    point: PointScores
    name: str
    result: Difference
    p: float

    @property
    def finding(self) -> str | None:
        """``better`` or ``worse``; None where the two cannot be told apart."""
        if self.p > ALPHA:
            return None
        return "better" if self.result.difference > 0 else "worse"


def _compare(tested: Sequence[PointScores], reference: PointScores, family: int) -> list[_Comparison]:
    """Test every other point against the reference, corrected for ``family`` comparisons."""
    others = [point for point in tested if point is not reference]
    names = short_names([reference.label, *(point.label for point in others)])[1:]
    results = [welch(point.returns, reference.returns) for point in others]
    adjusted = holm([result.p_value for result in results], family)
    return [_Comparison(*parts) for parts in zip(others, names, results, adjusted, strict=True)]


def _different(comparisons: Sequence[_Comparison], finding: str) -> list[str]:
    """Write the clause of the points that are better, or worse, the clearest first; empty without any."""
    different = sorted((c for c in comparisons if c.finding == finding), key=lambda c: c.p)
    if not different:
        return []
    named = [f"{c.name} ({signed_difference(c.result)}, {p_value(c.p)})" for c in different]
    return [f"{listed(named)} {'is' if len(different) == 1 else 'are'} {finding}"]


def _undecided(comparisons: Sequence[_Comparison], reference: PointScores, family: int) -> list[str]:
    """Write the clause of the points that cannot be told apart from the reference; empty without any."""
    undecided = [c for c in comparisons if c.finding is None]
    if not undecided:
        return []
    clearest = min(undecided, key=lambda c: c.result.p_value)
    more = seeds_to_settle(clearest.point.returns, reference.returns, alpha=ALPHA / family)
    what = "a difference of this size" if len(undecided) == 1 else f"the clearest of them, {clearest.name}"
    return [f"{listed([c.name for c in undecided])} cannot be told apart from it ({outlook(more, what)})"]


def _left_out(points: Sequence[PointScores], reference: PointScores) -> str:
    """Name the points that were not tested, as a sentence of its own; empty where all were."""
    names = short_names([reference.label, *(point.label for point in points)])[1:]
    reasons = [(name, _why_untested(point)) for name, point in zip(names, points, strict=True)]
    left_out = [f"{name} ({reason})" for name, reason in reasons if reason]
    return f" Nothing can be said about {listed(left_out)}." if left_out else ""


def _why_untested(point: PointScores) -> str | None:
    """Say why a point cannot be tested; None where it can."""
    if len(point.returns) < 2:
        return "one seed" if point.returns else "no seed has finished"
    return None if usable(point.returns) else "a return is not a finite number"


def _why_no_test(points: Sequence[PointScores], tested: Sequence[PointScores]) -> str:
    """Say why fewer than two points can be tested."""
    sizes = {len(point.returns) for point in points}
    if not sizes - {0}:
        return "no seed has finished"
    if len(points) == 1:
        return f"{points[0].label} is the only point"
    if sizes == {1}:
        return "one seed each"
    if tested:
        return f"only {tested[0].label} has two seeds with a finite return"
    return "no point has two seeds with a finite return"


def _why_no_pair(*groups: tuple[str, int]) -> str:
    """Say why two groups, each by name and number of seeds, cannot be compared."""
    sizes = [n for _, n in groups]
    if min(sizes) >= 2:
        return "a value is not a finite number"
    if set(sizes) == {1}:
        return "one seed each"
    return ", ".join(f"{'one' if n else 'no'} seed of {name}" for name, n in groups if n < 2)


def _mean(point: PointScores) -> float:
    return float(np.mean(point.returns))
