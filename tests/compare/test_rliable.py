"""Our statistics are those of rliable, by the authors of the paper that they come from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from ppo_cli.compare.significance import permutation_p, welch
from ppo_cli.compare.statistics import (
    bootstrap_iqm_interval,
    improvement_interval,
    iqm,
    iqm_band,
    performance_profile,
    probability_of_improvement,
)

library = pytest.importorskip("rliable.library", reason="rliable is in the dev extra")
metrics = pytest.importorskip("rliable.metrics", reason="rliable is in the dev extra")

REPS = 20_000
THEIR_REPS = 3_000  # a bootstrap of theirs takes a thousand times as long
SIZES = [3, 5, 8, 20]


def returns(size: int, seed: int, mean: float = 200.0) -> np.ndarray:
    """Skewed as returns are: many good seeds and some bad ones."""
    rng = np.random.default_rng(seed)
    return mean + 30 * rng.standard_normal(size) - 80 * (rng.random(size) < 0.2)


@pytest.mark.parametrize("size", SIZES)
def test_the_iqm_is_rliables(size: int) -> None:
    values = returns(size, size)
    assert iqm(values) == pytest.approx(metrics.aggregate_iqm(values[:, None]), rel=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_the_iqm_is_scipys_trimmed_mean_for_any_number_of_seeds(size: int) -> None:
    values = returns(size, size)
    assert iqm(values) == pytest.approx(scipy_stats.trim_mean(values, 0.25), rel=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_the_interval_of_the_iqm_is_rliables_stratified_bootstrap(size: int) -> None:
    values = returns(size, size)
    ours = bootstrap_iqm_interval(values, reps=REPS)
    check_interval(ours, {"a": values[:, None]}, lambda scores: np.array([metrics.aggregate_iqm(scores)]))


def test_several_tasks_are_strata_as_in_rliable() -> None:
    tasks = np.stack([returns(6, 1, 200.0), returns(6, 2, -150.0)], axis=1)  # [runs, tasks]
    ours = bootstrap_iqm_interval(*tasks.T, reps=REPS)
    check_interval(ours, {"a": tasks}, lambda scores: np.array([metrics.aggregate_iqm(scores)]))


@pytest.mark.parametrize("size", SIZES)
def test_the_probability_of_improvement_is_rliables(size: int) -> None:
    a, b = np.round(returns(size, 1), -1), np.round(returns(size + 2, 2, 190.0), -1)  # with ties
    theirs = metrics.probability_of_improvement(a[:, None], b[:, None])
    assert probability_of_improvement(a, b) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("size", [4, 9])
def test_the_interval_of_the_probability_of_improvement_is_rliables(size: int) -> None:
    a, b = returns(size, 1), returns(size + 2, 2, 190.0)
    ours = improvement_interval(a, b, reps=REPS)
    both = {"ab": [a[:, None], b[:, None]]}
    check_interval(ours, both, lambda x, y: np.array([metrics.probability_of_improvement(x, y)]))


@pytest.mark.parametrize("size", SIZES)
def test_a_performance_profile_is_rliables(size: int) -> None:
    values, thresholds = returns(size, size), np.linspace(50, 300, 101)
    theirs, _ = library.create_performance_profile({"a": values[:, None]}, thresholds, reps=10)
    np.testing.assert_array_equal(performance_profile(values, thresholds), theirs["a"])


def test_the_band_of_a_curve_is_the_interval_at_each_of_its_points() -> None:
    rows = np.stack([returns(8, 3), returns(8, 4)], axis=1)  # [runs, points]
    low, high = iqm_band(rows, reps=REPS)
    for point in range(2):
        expected = bootstrap_iqm_interval(rows[:, point], reps=REPS)
        assert (low[point], high[point]) == pytest.approx(expected, abs=monte_carlo_error(rows[:, point]))


def test_a_band_of_one_seed_is_unknown() -> None:
    low, high = iqm_band(np.ones((1, 3)))
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize("size", SIZES)
def test_welchs_test_is_scipys(size: int) -> None:
    a, b = returns(size, 1), returns(size + 3, 2, 170.0)
    theirs = scipy_stats.ttest_ind(a, b, equal_var=False)
    ours = welch(a, b)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert ours.ci95 == pytest.approx(tuple(theirs.confidence_interval(0.95)), rel=1e-9)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_the_exact_permutation_test_is_scipys(size: int) -> None:
    a, b = returns(size, 1), returns(size + 1, 2, 170.0)
    theirs = scipy_stats.permutation_test((a, b), difference, vectorized=True, n_resamples=np.inf)
    assert permutation_p(a, b) == pytest.approx(theirs.pvalue, rel=1e-12)


def test_the_random_permutation_test_is_scipys_within_its_error() -> None:
    a, b = returns(14, 1), returns(14, 2, 185.0)
    theirs = scipy_stats.permutation_test(
        (a, b), difference, vectorized=True, n_resamples=9_999, rng=np.random.default_rng(1)
    )
    error = 4 * np.sqrt(2 * theirs.pvalue / 9_999)
    assert permutation_p(a, b) == pytest.approx(theirs.pvalue, abs=error)


def test_the_probability_of_improvement_is_the_mann_whitney_statistic() -> None:
    a, b = returns(9, 1), returns(7, 2)
    statistic = scipy_stats.mannwhitneyu(a, b).statistic
    assert probability_of_improvement(a, b) == pytest.approx(statistic / (len(a) * len(b)), rel=1e-12)


def check_interval(ours: tuple[float, float], scores: dict[str, object], statistic: object) -> None:
    """Our 95 % interval lies between rliable's 93 and 97 %: on which of few values one ends is chance."""
    narrow, wide = (rliable_interval(scores, statistic, size) for size in (0.93, 0.97))
    slack = 1e-9 * abs(wide[1])
    assert wide[0] - slack <= ours[0] <= narrow[0] + slack
    assert narrow[1] - slack <= ours[1] <= wide[1] + slack


def rliable_interval(scores: dict[str, object], statistic: object, size: float) -> tuple[float, float]:
    """The interval that rliable gives for the only entry."""
    _, ends = library.get_interval_estimates(
        scores, statistic, reps=THEIR_REPS, confidence_interval_size=size
    )
    (found,) = ends.values()
    return float(found[0, 0]), float(found[1, 0])


def monte_carlo_error(values: np.ndarray) -> float:
    """By how much two bootstraps of the same values may differ: their percentiles are drawn."""
    return 0.08 * float(np.std(values))


def difference(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)
