"""Tests of a difference: against SciPy, cases computed by hand, and what simulated groups show."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from ppo_cli.comparison.significance import (
    MOST_EXACT,
    MOST_SEEDS,
    holm,
    permutation_p,
    seeds_to_settle,
    welch,
)

GOOD = (231.0, 250.5, 198.2, 260.1, 244.4, 239.9, 251.3, 228.8)
POOR = (190.3, 241.1, 120.7, 205.0, 222.9)

spread_groups = st.lists(st.integers(-1000, 1000), min_size=2, max_size=12).filter(lambda v: len(set(v)) > 1)


def difference(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)


# Welch


@given(spread_groups, spread_groups, st.sampled_from([1e-9, 0.1, 1, 1e9]))
def test_welchs_test_is_scipys(whole_a: list[int], whole_b: list[int], scale: float) -> None:
    a, b = [value * scale for value in whole_a], [value * scale for value in whole_b]
    ours, expected = welch(a, b), scipy_stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert ours.difference == pytest.approx(np.mean(a) - np.mean(b), abs=1e-9 * scale)
    assert ours.p_value == pytest.approx(expected.pvalue, rel=1e-7)
    assert ours.df == pytest.approx(expected.df, rel=1e-9)
    assert ours.ci95 == pytest.approx((interval.low, interval.high), rel=1e-9, abs=1e-9 * scale)


def test_welchs_difference_is_first_minus_second() -> None:
    ours, opposite = welch(GOOD, POOR), welch(POOR, GOOD)
    assert ours.difference == pytest.approx(np.mean(GOOD) - np.mean(POOR))
    assert opposite.difference == -ours.difference
    assert opposite.p_value == ours.p_value
    assert opposite.ci95 == (-ours.ci95[1], -ours.ci95[0])


@pytest.mark.parametrize(("a", "b"), [((1.0,), (2.0,)), ((1.0,), POOR), (GOOD, (2.0,))])
def test_one_value_in_a_group_gives_a_difference_and_no_test(a: Sequence[float], b: Sequence[float]) -> None:
    result = welch(a, b)
    assert result.difference == np.mean(a) - np.mean(b)
    assert np.isnan([*result.ci95, result.p_value, result.df]).all()


def test_groups_without_spread_are_tested_by_permutation() -> None:
    """A t test would be certain of any difference; the 252 ways to label ten seeds say how certain to be."""
    result = welch([500.0] * 5, [9.4] * 5)
    assert result.difference == pytest.approx(490.6)
    assert result.p_value == pytest.approx(2 / 252)
    assert result.p_value == permutation_p([500.0] * 5, [9.4] * 5)
    assert np.isnan([*result.ci95, result.df]).all()


def test_rounding_is_not_mistaken_for_spread() -> None:
    assert np.var([0.1] * 3) > 0
    assert welch([0.1] * 3, [0.7] * 3).p_value == pytest.approx(2 / 20)


def test_equal_groups_without_spread_do_not_differ() -> None:
    assert welch([9.4] * 5, [9.4] * 3).p_value == 1
    assert welch([9.4] * 5, [9.4] * 3).difference == pytest.approx(0, abs=1e-12)


def test_equal_groups_with_spread_do_not_differ() -> None:
    assert welch(GOOD, GOOD).difference == 0
    assert welch(GOOD, GOOD).p_value == 1


def test_one_group_without_spread_is_tested_against_the_others_spread() -> None:
    ours, expected = welch([500.0] * 5, POOR), scipy_stats.ttest_1samp(POOR, 500)
    assert (ours.p_value, ours.df) == pytest.approx((expected.pvalue, 4))


# Permutation

few_wholes = st.lists(st.integers(-9, 9), min_size=2, max_size=5)  # SciPy asks for two values each


@given(few_wholes, few_wholes)
@settings(max_examples=40)
def test_the_exact_permutation_test_is_scipys(a: list[int], b: list[int]) -> None:
    expected = scipy_stats.permutation_test((a, b), difference, n_resamples=math.inf, vectorized=True)
    assert permutation_p(a, b) == pytest.approx(expected.pvalue)


def test_the_random_permutation_test_is_scipys_with_the_same_random_numbers() -> None:
    a, b = [value - 1.5 for value in range(10)], [value**1.1 for value in range(9)]
    assert math.comb(len(a) + len(b), len(a)) > MOST_EXACT
    expected = scipy_stats.permutation_test(
        (b, a), difference, n_resamples=9_999, vectorized=True, rng=np.random.default_rng(3)
    )
    assert permutation_p(a, b, seed=3) == pytest.approx(expected.pvalue, rel=1e-12)


def test_the_permutation_test_by_hand() -> None:
    # Of the six ways to choose two of 1, 2, 3, 4 one gives the smallest sum.
    assert permutation_p([1, 2], [3, 4]) == pytest.approx(2 / 6)
    assert permutation_p([1e13 + 1, 1e13 + 2], [1e13 + 3, 1e13 + 4]) == pytest.approx(2 / 6)
    assert permutation_p([3.0], [4.0]) == 1
    assert permutation_p([0.1] * 3, [0.1] * 4) == 1
    assert permutation_p(GOOD, GOOD) == 1


def test_random_relabellings_come_near_all_of_them() -> None:
    a, b = range(9), [value + 2.25 for value in range(9)]
    centred = np.array([*a, *b]) - np.mean([*a, *b])
    sums = centred[np.array(list(itertools.combinations(range(18), 9)))].sum(axis=1)
    exact = 2 * np.mean(sums <= centred[:9].sum() + 1e-9)
    assert len(sums) > MOST_EXACT and 0.01 < exact < 0.3
    assert permutation_p(a, b) == pytest.approx(exact, abs=5 * math.sqrt(exact / 9_999))
    assert permutation_p(a, b) == permutation_p(a, b) != permutation_p(a, b, seed=1)


def test_a_sampled_p_value_is_never_zero() -> None:
    assert permutation_p(range(12), range(100, 112)) == pytest.approx(2 / 10_000)


@given(few_wholes, few_wholes)
@example(a=[2, 3, 7, 7, 2], b=[7, 1, 6, 2, 5])  # SciPy's p value of these tenths is 0.96
@settings(max_examples=40)
def test_rounding_does_not_break_ties(a: list[int], b: list[int]) -> None:
    """0.1 + 0.2 is not 0.3 in floating point; what ties in whole numbers ties in tenths all the same."""
    assert permutation_p([value / 10 for value in a], [value / 10 for value in b]) == permutation_p(a, b)


# Several comparisons


def test_holms_correction_by_hand() -> None:
    # The smallest of four counts four times, the next three times; none is below the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.7]) == (1, 1)
    assert holm([0.2]) == (0.2,)
    assert holm([]) == ()


def test_comparisons_that_could_not_be_made_do_not_count() -> None:
    adjusted = holm([0.01, math.nan, 0.04])
    assert math.isnan(adjusted[1])
    assert (adjusted[0], adjusted[2]) == pytest.approx((0.02, 0.04))


def test_comparisons_chosen_from_a_larger_family_pay_for_all_of_it() -> None:
    assert holm([0.001, 0.02], family=6) == pytest.approx((0.006, 0.1))


# Seeds to settle


def share_significant(a: Sequence[float], b: Sequence[float], more: int, alpha: float) -> float:
    """How often Welch's test sees the difference, of 20,000 pairs of groups with ``more`` seeds each."""
    rng = np.random.default_rng(more)
    drawn = [
        rng.normal(np.mean(group), np.std(group, ddof=1), size=(20_000, len(group) + more))
        for group in (a, b)
    ]
    return float(np.mean(scipy_stats.ttest_ind(*drawn, axis=1, equal_var=False).pvalue <= alpha))


SMALL, LARGE = (0.0, 1.0), (-20.0, -5.0, 7.0, 18.0)


@pytest.mark.parametrize("alpha", [0.05, 0.005])
@pytest.mark.parametrize(
    ("a", "b", "shift"),
    [(POOR, LARGE, 220.0), (POOR, LARGE, 245.0), (SMALL, SMALL, 2.0), (SMALL, SMALL, 4.0)],
)
def test_the_seeds_it_asks_for_are_the_fewest_with_this_power(
    a: Sequence[float], b: Sequence[float], shift: float, alpha: float
) -> None:
    b = [value + shift for value in b]
    more = seeds_to_settle(a, b, power=0.8, alpha=alpha)
    assert more is not None
    chance = 0.01  # three standard errors of a share of 20,000
    assert more == 0 or share_significant(a, b, more, alpha) > 0.8 - chance
    assert more == 0 or share_significant(a, b, more - 1, alpha) < 0.8 + chance


def test_a_significant_difference_needs_no_more_seeds() -> None:
    assert welch(GOOD, [value - 100 for value in GOOD]).p_value < 0.05
    assert seeds_to_settle(GOOD, [value - 100 for value in GOOD]) == 0


def test_a_stricter_level_asks_for_more_seeds() -> None:
    a, b = (1.0, 2.0, 3.0, 4.0), (2.0, 3.5, 4.0, 5.0)
    assert (seeds_to_settle(a, b, alpha=0.005) or 0) > (seeds_to_settle(a, b) or 0) > 0


def test_no_number_of_seeds_settles_no_difference() -> None:
    assert seeds_to_settle(GOOD, GOOD) is None
    assert seeds_to_settle([5.0] * 3, [5.0] * 3) is None
    assert seeds_to_settle(GOOD, [value + 1e-3 for value in GOOD]) is None
    assert seeds_to_settle([1.0], [2.0]) is None


def test_what_it_asks_for_stays_below_its_limit() -> None:
    more = [seeds_to_settle(GOOD, [value + shift for value in GOOD]) for shift in (0.9, 0.8, 0.76, 0.7)]
    assert all(number is None or number <= MOST_SEEDS for number in more)
    assert more[0] is not None and more[-1] is None


def test_groups_without_spread_need_enough_seeds_for_a_permutation_test() -> None:
    more = seeds_to_settle([500.0] * 2, [9.0] * 2)
    assert more == 2
    assert permutation_p([500.0] * 4, [9.0] * 4) <= 0.05 < permutation_p([500.0] * 3, [9.0] * 3)
