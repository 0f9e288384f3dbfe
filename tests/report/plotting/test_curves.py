"""Learning curves over seeds: means, interquartile means, their bands, and where seeds have ended."""

from __future__ import annotations

import numpy as np
import pytest

from ppo_cli.comparison.statistics import iqm
from ppo_cli.report.plotting.curves import iqm_curve, mean_curve
from ppo_cli.runs.eval_stats import mean_interval


def test_the_mean_curve_is_the_mean_over_seeds_with_the_interval_of_student() -> None:
    steps = np.linspace(0.0, 100.0, 11)
    seeds = [(steps, steps * factor) for factor in (1.0, 2.0, 6.0)]
    curve = mean_curve(seeds, points=11)
    assert curve is not None and curve.is_whole.all()
    assert curve.mean == pytest.approx(steps * 3.0)
    assert (curve.low[-1], curve.high[-1]) == pytest.approx(mean_interval([100.0, 200.0, 600.0]))


def test_a_seed_that_ended_early_is_not_continued() -> None:
    steps = np.arange(0.0, 101.0)
    curve = mean_curve([(steps, np.full(101, 10.0)), (steps[:51], np.full(51, 0.0))], points=101)
    assert curve is not None
    assert curve.mean[25] == pytest.approx(5.0) and curve.mean[75] == pytest.approx(10.0)
    assert curve.is_whole.tolist() == [True] * 51 + [False] * 50
    assert curve.last == pytest.approx(5.0), "what is left when some have ended does not rank a value"


def test_seeds_that_start_or_end_an_iteration_apart_are_all_there() -> None:
    steps = np.arange(1.0, 101.0)
    curve = mean_curve([(steps, steps), (steps[1:-1], steps[1:-1])])
    assert curve is not None and curve.is_whole.all()


def test_what_is_not_finite_is_left_out_of_a_curve() -> None:
    steps = np.arange(5.0)
    broken = np.array([0.0, np.nan, 2.0, np.inf, 4.0])
    curve = mean_curve([(steps, broken)], points=5)
    assert curve is not None and curve.mean == pytest.approx(steps)
    assert mean_curve([(steps, np.full(5, np.nan))]) is None and mean_curve([]) is None


def test_an_iqm_curve_is_the_iqm_at_each_step_and_leaves_an_outlier_out() -> None:
    steps = np.array([0.0, 100.0])
    seeds = [(steps, np.array([value, 2 * value])) for value in (1.0, 2.0, 3.0, 1000.0)]
    curve = iqm_curve(seeds, points=3)
    assert curve is not None
    assert curve.mean.tolist() == [2.5, 3.75, 5.0]
    assert curve.mean[1] == iqm([1.5, 3.0, 4.5, 1500.0])
    assert (curve.low <= curve.mean).all() and (curve.mean <= curve.high).all()


def test_an_iqm_curve_goes_on_with_the_seeds_that_are_left_without_a_band() -> None:
    long = [(np.array([0.0, 100.0]), np.array([value, value])) for value in (1.0, 3.0)]
    curve = iqm_curve([*long, (np.array([0.0, 50.0]), np.array([8.0, 8.0]))], points=5)
    assert curve is not None
    assert curve.mean.tolist() == [4.0, 4.0, 4.0, 2.0, 2.0]
    assert np.isnan(curve.low[3:]).all() and np.isfinite(curve.low[:3]).all()
