"""Statistics of groups of returns: against SciPy and rliable, by the authors of the paper they come from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from ppo_cli.comparison.curves import area_under_curve
from ppo_cli.comparison.significance import (
    Difference,
    holm,
    permutation_p,
    seeds_to_settle,
    welch,
)
from ppo_cli.comparison.statistics import (
    bootstrap_iqm_interval,
    improvement_interval,
    iqm,
    iqm_band,
    performance_profile,
    probability_of_improvement,
)

GOOD = (231.0, 250.5, 198.2, 260.1, 244.4, 239.9, 251.3, 228.8)
POOR = (190.3, 241.1, 120.7, 205.0, 222.9)
UNUSABLE = [(), (1.0, math.nan, 3.0), (1.0, 2.0, math.inf), (0.0, -1e200)]

library = pytest.importorskip("rliable.library", reason="rliable is in the dev extra")
metrics = pytest.importorskip("rliable.metrics", reason="rliable is in the dev extra")


def returns(size: int, seed: int) -> np.ndarray:
    """Skewed as returns are: many good seeds and some bad ones."""
    rng = np.random.default_rng(seed)
    return 200.0 + 30 * rng.standard_normal(size) - 80 * (rng.random(size) < 0.2)


# Interquartile mean


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
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
    assert np.isnan(performance_profile(values, [0, 1])).all()
    for a, b in ((values, GOOD), (GOOD, values)):
        assert math.isnan(probability_of_improvement(a, b))
        assert np.isnan(improvement_interval(a, b)).all()
        assert math.isnan(permutation_p(a, b))
        assert seeds_to_settle(a, b) is None
        result = welch(a, b)
        assert np.isnan([result.difference, *result.ci95, result.p_value, result.df]).all()


def test_the_interval_of_the_interquartile_mean_is_rliables() -> None:
    """Our 95 % interval lies between rliable's 93 and 97 %: on which of few values one ends is chance."""
    values = returns(8, 8)
    low, high = bootstrap_iqm_interval(values, reps=20_000)
    (wide_low, wide_high), (narrow_low, narrow_high) = (
        rliable_interval(values, size) for size in (0.97, 0.93)
    )
    assert wide_low <= low <= narrow_low < iqm(values) < narrow_high <= high <= wide_high


def rliable_interval(values: np.ndarray, size: float) -> tuple[float, float]:
    _, ends = library.get_interval_estimates(
        {"ours": values[:, None]},
        lambda scores: np.array([metrics.aggregate_iqm(scores)]),
        reps=3_000,  # a bootstrap of theirs takes a thousand times as long
        confidence_interval_size=size,
    )
    return float(ends["ours"][0, 0]), float(ends["ours"][1, 0])


def test_the_band_of_a_curve_is_the_interval_at_each_of_its_points() -> None:
    rows = np.stack([returns(8, 3), returns(8, 4)], axis=1)  # [runs, points]
    low, high = iqm_band(rows, reps=1000)
    for point in range(2):
        assert (low[point], high[point]) == bootstrap_iqm_interval(rows[:, point], reps=1000)


def test_a_band_is_unknown_where_a_run_has_ended_and_of_one_run(
    recwarn: pytest.WarningsRecorder,
) -> None:
    low, high = iqm_band(np.array([[1.0, 2.0], [3.0, math.nan], [2.0, 4.0]]))
    assert np.isfinite([low[0], high[0]]).all() and np.isnan([low[1], high[1]]).all()
    assert np.isnan(iqm_band(np.ones((1, 3)))).all()
    assert not recwarn.list


def test_intervals_repeat_with_the_seed_and_not_without() -> None:
    assert bootstrap_iqm_interval(GOOD, seed=1) == bootstrap_iqm_interval(GOOD, seed=1)
    assert bootstrap_iqm_interval(GOOD, seed=1) != bootstrap_iqm_interval(GOOD, seed=2)
    assert improvement_interval(GOOD, POOR, seed=1) == improvement_interval(GOOD, POOR, seed=1)


def test_one_run_has_no_bootstrap_interval() -> None:
    assert np.isnan(bootstrap_iqm_interval((3.0,))).all()
    assert np.isnan(improvement_interval((3.0,), GOOD)).all()
    assert np.isnan(improvement_interval(GOOD, (3.0,))).all()


# Probability of improvement


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=9), st.lists(st.integers(0, 5), min_size=1, max_size=9)
)
def test_the_probability_of_improvement_is_mann_whitneys_u_per_pair(a: list[int], b: list[int]) -> None:
    u = scipy_stats.mannwhitneyu(a, b, method="asymptotic").statistic
    assert probability_of_improvement(a, b) == pytest.approx(u / (len(a) * len(b)))


def test_the_probability_of_improvement_by_hand() -> None:
    # Of the six pairs 3 > 2, 3 > 1, 2 > 1 and 5 > 2, 5 > 1 win, 2 = 2 ties.
    assert probability_of_improvement([3, 2, 5], [2, 1]) == 5.5 / 6
    assert metrics.probability_of_improvement(np.array([[3], [2], [5]]), np.array([[2], [1]])) == 5.5 / 6
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
    values, thresholds = [0.0, 1.0, 1.0, 4.0], [-1, 0, 0.5, 1, 4]
    assert performance_profile(values, thresholds).tolist() == [1, 0.75, 0.75, 0.25, 0]
    theirs, _ = library.create_performance_profile({"a": np.array(values)[:, None]}, thresholds, reps=10)
    assert theirs["a"].tolist() == [1, 0.75, 0.75, 0.25, 0]


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
