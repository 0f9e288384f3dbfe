"""Statistics of groups of returns, against SciPy and cases computed by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from ppo_cli.compare.curves import area_under_curve, steps_to_threshold
from ppo_cli.compare.significance import (
    MOST_EXACT,
    MOST_SEEDS,
    Difference,
    holm,
    permutation_p,
    seeds_to_settle,
    welch,
)
from ppo_cli.compare.statistics import (
    bootstrap_iqm_interval,
    improvement_interval,
    iqm,
    performance_profile,
    probability_of_improvement,
)
from ppo_cli.compare.student_t import t_cdf, t_quantile
from ppo_cli.runs.eval_stats import t_quantile_95

GOOD = (231.0, 250.5, 198.2, 260.1, 244.4, 239.9, 251.3, 228.8)
POOR = (190.3, 241.1, 120.7, 205.0, 222.9)
UNUSABLE = [(), (1.0, math.nan, 3.0), (1.0, 2.0, math.inf), (0.0, -1e200)]

finite = st.floats(-1e6, 1e6)
spread_groups = st.lists(st.integers(-1000, 1000), min_size=2, max_size=12).filter(lambda v: len(set(v)) > 1)


def difference(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)


# Student's t


@pytest.mark.parametrize("degrees", [0.3, 1, 1.5, 2, 3.7, 8, 30, 120.5, 5_000, 99_000, 101_000, 1e7, 1e12])
def test_the_t_distribution_is_scipys(degrees: float) -> None:
    t = np.concatenate([-np.logspace(3, -3, 60), [0], np.logspace(-3, 3, 60)])
    ours = [t_cdf(value, degrees) for value in t]
    np.testing.assert_allclose(ours, scipy_stats.t.cdf(t, degrees), rtol=0, atol=5e-11)


@pytest.mark.parametrize("degrees", [1, 2.5, 4, 9.3, 40])
def test_tiny_p_values_keep_their_digits(degrees: float) -> None:
    t = -np.logspace(0, 6, 40)
    ours = [t_cdf(value, degrees) for value in t]
    np.testing.assert_allclose(ours, scipy_stats.t.cdf(t, degrees), rtol=1e-11)


def test_infinitely_many_degrees_of_freedom_are_the_normal_distribution() -> None:
    assert t_cdf(-1.959963984540054, math.inf) == pytest.approx(0.025, rel=1e-12)


@pytest.mark.parametrize("degrees", [0.5, 1, 2, 3.3, 4, 17.2, 1000])
@pytest.mark.parametrize("probability", [1e-9, 0.025, 0.3, 0.5, 0.51, 0.8, 0.975, 0.9999])
def test_t_quantiles_are_scipys(probability: float, degrees: float) -> None:
    expected = scipy_stats.t.ppf(probability, degrees)
    assert t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("degrees", [*range(1, 31), 31, 60, 999])
def test_t_quantiles_agree_with_the_table_of_evaluations(degrees: int) -> None:
    assert t_quantile(0.975, degrees) == pytest.approx(t_quantile_95(degrees), abs=6e-4)


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.2, 1e6))
@settings(max_examples=50, deadline=None)
def test_the_quantile_undoes_the_distribution(probability: float, degrees: float) -> None:
    assert t_cdf(t_quantile(probability, degrees), degrees) == pytest.approx(probability, abs=1e-12)


def test_t_of_nothing_sensible_is_nan_or_refused() -> None:
    assert math.isnan(t_cdf(math.nan, 3))
    assert math.isnan(t_quantile(0.975, math.nan))
    assert (t_cdf(-math.inf, 3), t_cdf(math.inf, 3), t_cdf(1e300, 2)) == (0, 1, 1)
    with pytest.raises(ValueError, match="degrees of freedom must be positive"):
        t_cdf(1.0, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        t_quantile(1.0, 3)


# Interquartile mean


@given(st.lists(finite, min_size=1, max_size=40))
def test_the_interquartile_mean_is_the_quarter_trimmed_mean(values: list[float]) -> None:
    assert iqm(values) == pytest.approx(scipy_stats.trim_mean(values, 0.25), rel=1e-9, abs=1e-6)


def test_the_interquartile_mean_by_hand() -> None:
    assert iqm([1000, 1, 2, 3, 4, -1000, 5, 6]) == (2 + 3 + 4 + 5) / 4
    assert iqm([1000, 1, 2, 3, 4]) == (2 + 3 + 4) / 3
    assert iqm([7.0]) == 7


@pytest.mark.parametrize("values", UNUSABLE)
def test_groups_with_nothing_usable_give_nan_everywhere(values: Sequence[float]) -> None:
    assert math.isnan(iqm(values))
    assert np.isnan(bootstrap_iqm_interval(values)).all()
    assert np.isnan(bootstrap_iqm_interval(GOOD, values)).all()
    assert np.isnan(performance_profile(values, [0, 1])).all()
    for a, b in ((values, GOOD), (GOOD, values)):
        assert math.isnan(probability_of_improvement(a, b))
        assert np.isnan(improvement_interval(a, b)).all()
        assert math.isnan(permutation_p(a, b))
        assert seeds_to_settle(a, b) is None
        result = welch(a, b)
        assert np.isnan([result.difference, *result.ci95, result.p_value, result.df]).all()


def test_the_bootstrap_interval_of_the_interquartile_mean_is_scipys() -> None:
    values = tuple(np.random.default_rng(3).normal(200, 30, size=24))
    low, high = bootstrap_iqm_interval(values, reps=20_000)
    expected = scipy_stats.bootstrap(
        (values,),
        lambda sample, axis: scipy_stats.trim_mean(sample, 0.25, axis=axis),
        n_resamples=20_000,
        method="percentile",
        rng=0,
    ).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.7)
    assert low < iqm(values) < high


def test_resampling_stays_within_tasks() -> None:
    """Of two tasks that never vary the aggregate cannot vary, unless values are drawn from both together."""
    assert bootstrap_iqm_interval((1.0,) * 6, (9.0,) * 6) == (5, 5)
    mixed = bootstrap_iqm_interval((1.0,) * 6 + (9.0,) * 6)
    assert mixed[0] < 3 and mixed[1] > 7


def test_intervals_repeat_with_the_seed_and_not_without() -> None:
    assert bootstrap_iqm_interval(GOOD, seed=1) == bootstrap_iqm_interval(GOOD, seed=1)
    assert bootstrap_iqm_interval(GOOD, seed=1) != bootstrap_iqm_interval(GOOD, seed=2)
    assert improvement_interval(GOOD, POOR, seed=1) == improvement_interval(GOOD, POOR, seed=1)


def test_one_run_has_no_bootstrap_interval() -> None:
    assert np.isnan(bootstrap_iqm_interval((3.0,))).all()
    assert np.isnan(bootstrap_iqm_interval((3.0,), (1.0, 2.0))).all()
    assert np.isnan(bootstrap_iqm_interval()).all()
    assert np.isnan(improvement_interval((3.0,), GOOD)).all()
    assert np.isnan(improvement_interval(GOOD, (3.0,))).all()


# Probability of improvement


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=9), st.lists(st.integers(0, 5), min_size=1, max_size=9)
)
@settings(deadline=None)
def test_the_probability_of_improvement_is_mann_whitneys_u_per_pair(a: list[int], b: list[int]) -> None:
    u = scipy_stats.mannwhitneyu(a, b, method="asymptotic").statistic
    assert probability_of_improvement(a, b) == pytest.approx(u / (len(a) * len(b)))


def test_the_probability_of_improvement_by_hand() -> None:
    # Of the six pairs 3 > 2, 3 > 1, 2 > 1 and 5 > 2, 5 > 1 win, 2 = 2 ties.
    assert probability_of_improvement([3, 2, 5], [2, 1]) == 5.5 / 6
    assert probability_of_improvement([1, 2], [3, 4]) == 0
    assert probability_of_improvement(GOOD, GOOD) == 0.5


def test_the_interval_of_the_probability_of_improvement_is_the_bootstraps() -> None:
    rng = np.random.default_rng(5)
    a, b = tuple(rng.normal(0.8, 1, 15)), tuple(rng.normal(0, 1, 11))

    def per_pair(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        return (x[..., :, None] > y[..., None, :]).mean(axis=(-2, -1))

    low, high = improvement_interval(a, b, reps=20_000)
    expected = scipy_stats.bootstrap(
        (a, b), per_pair, n_resamples=20_000, batch=1000, vectorized=True, method="percentile", rng=1
    ).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_groups_that_do_not_overlap_improve_for_certain() -> None:
    assert improvement_interval([5, 6, 7], [1, 2, 3]) == (1, 1)
    assert improvement_interval([1, 1, 1], [1, 1]) == (0.5, 0.5)


# Performance profile


def test_a_performance_profile_counts_runs_strictly_above_each_threshold() -> None:
    profile = performance_profile([0.0, 1.0, 1.0, 4.0], [-1, 0, 0.5, 1, 4])
    assert profile.tolist() == [1, 0.75, 0.75, 0.25, 0]


# Welch


@given(spread_groups, spread_groups, st.sampled_from([1e-9, 0.1, 1, 1e9]))
@settings(deadline=None)
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


# SciPy asks for two values each.
@given(
    st.lists(st.integers(-9, 9), min_size=2, max_size=5), st.lists(st.integers(-9, 9), min_size=2, max_size=6)
)
@settings(max_examples=40, deadline=None)
def test_the_exact_permutation_test_is_scipys(a: list[int], b: list[int]) -> None:
    expected = scipy_stats.permutation_test((a, b), difference, n_resamples=math.inf, vectorized=True)
    assert permutation_p(a, b) == pytest.approx(expected.pvalue)


def test_the_permutation_test_by_hand() -> None:
    # Of the six ways to choose two of 1, 2, 3, 4 one gives the smallest sum.
    assert permutation_p([1, 2], [3, 4]) == pytest.approx(2 / 6)
    assert permutation_p([1e13 + 1, 1e13 + 2], [1e13 + 3, 1e13 + 4]) == pytest.approx(2 / 6)
    assert permutation_p([3.0], [4.0]) == 1
    assert permutation_p([0.1] * 3, [0.1] * 4) == 1
    assert permutation_p(GOOD, GOOD) == 1


def test_many_relabellings_are_sampled_and_near_the_exact_answer() -> None:
    a, b = range(9), [value + 2.25 for value in range(9)]
    assert math.comb(18, 9) > MOST_EXACT
    sampled = permutation_p(a, b)
    exact = scipy_stats.permutation_test((a, b), difference, n_resamples=math.inf, vectorized=True).pvalue
    assert 0.01 < exact < 0.3
    assert sampled == pytest.approx(exact, abs=5 * math.sqrt(exact / 9_999))
    assert sampled == permutation_p(a, b)
    assert sampled != permutation_p(a, b, seed=1)


def test_a_sampled_p_value_is_never_zero() -> None:
    assert permutation_p(range(12), range(100, 112)) == pytest.approx(2 / 10_000)


def test_rounding_does_not_break_ties() -> None:
    """0.1 + 0.2 is not 0.3 in floating point, and the sums of these relabellings are equal all the same."""
    assert permutation_p([0.1, 0.2, 0.9], [0.3, 0.0, 0.9]) == 1


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


def power(a: Sequence[float], b: Sequence[float], more: int, alpha: float) -> float:
    """Of Welch's test with more seeds, by the noncentral t distribution."""
    parts = [np.var(group, ddof=1) / (len(group) + more) for group in (a, b)]
    sizes = [len(group) + more - 1 for group in (a, b)]
    df = sum(parts) ** 2 / sum(part**2 / size for part, size in zip(parts, sizes, strict=True))
    shift = abs(np.mean(a) - np.mean(b)) / math.sqrt(sum(parts))
    return float(scipy_stats.nct.sf(scipy_stats.t.ppf(1 - alpha / 2, df), df, shift))


@pytest.mark.parametrize("shift", [15.0, 25.0, 40.0, 50.0])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_the_seeds_it_asks_for_give_the_power_and_hardly_fewer_do(shift: float, alpha: float) -> None:
    a, b = POOR, tuple(np.mean(POOR) + shift + value for value in (-20, -5, 7, 18))
    more = seeds_to_settle(a, b, power=0.8, alpha=alpha)
    assert more is not None and more > 2
    assert power(a, b, more + 2, alpha) >= 0.8
    assert power(a, b, more - 2, alpha) < 0.8


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
    found = [seeds_to_settle(GOOD, [value + shift for value in GOOD]) for shift in (0.9, 0.8, 0.76, 0.7)]
    assert all(more is None or more <= MOST_SEEDS for more in found)
    assert found[0] is not None and found[-1] is None


def test_groups_without_spread_need_enough_seeds_for_a_permutation_test() -> None:
    more = seeds_to_settle([500.0] * 2, [9.0] * 2)
    assert more == 2
    assert permutation_p([500.0] * 4, [9.0] * 4) <= 0.05 < permutation_p([500.0] * 3, [9.0] * 3)


# Learning curves


def test_steps_to_threshold_is_the_first_point_that_reaches_it() -> None:
    steps, returns = (1000, 2000, 3000, 4000), (10.0, 200.0, 150.0, 250.0)
    assert steps_to_threshold(steps, returns, 200) == 2000
    assert steps_to_threshold(steps, returns, 201) == 4000
    assert steps_to_threshold(steps, returns, 251) is None
    assert steps_to_threshold((), (), 0) is None
    assert steps_to_threshold((1000, 2000), (math.nan, 300.0), 200) == 2000


def test_the_area_under_a_curve_is_its_mean_over_steps() -> None:
    assert area_under_curve((0, 100, 300), (0.0, 10.0, 10.0)) == pytest.approx((500 + 2000) / 300)
    assert area_under_curve((50, 150), (7.0, 7.0)) == 7
    assert area_under_curve((50,), (7.0,)) == 7


def test_curves_of_unequal_length_are_compared_over_the_shorter_one() -> None:
    long, short = ((0, 100, 200), (0.0, 10.0, 90.0)), ((0, 100), (0.0, 10.0))
    assert area_under_curve(*long, until=100) == area_under_curve(*short) == 5
    assert area_under_curve(*long, until=150) == pytest.approx((500 + (10 + 50) / 2 * 50) / 150)
    assert area_under_curve(*long, until=0) == 0
    assert math.isnan(area_under_curve(*short, until=200))
    assert math.isnan(area_under_curve((50, 100), (0.0, 10.0), until=20))


def test_a_curve_with_nothing_usable_has_no_area() -> None:
    assert math.isnan(area_under_curve((), ()))
    assert math.isnan(area_under_curve((0, 1), (1.0, math.nan)))
    with pytest.raises(ValueError, match="2 steps, but 1 returns"):
        area_under_curve((0, 1), (1.0,))


def test_results_are_plain_numbers_that_json_can_hold() -> None:
    result = welch(np.asarray(GOOD).tolist(), POOR)
    assert isinstance(result, Difference)
    numbers = [
        result.difference,
        *result.ci95,
        result.p_value,
        result.df,
        iqm(GOOD),
        permutation_p(GOOD, POOR),
    ]
    numbers += [*bootstrap_iqm_interval(GOOD), *improvement_interval(GOOD, POOR), *holm([0.1])]
    numbers += [probability_of_improvement(GOOD, POOR), area_under_curve((0, 1), (0, 1))]
    assert {type(number) for number in numbers} == {float}
