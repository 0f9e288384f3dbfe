"""The numbers of an evaluation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from ppo_cli.runs.eval_stats import EvalStats, mean_interval, t_quantile_95

RETURNS = (212.5, 250.0, -30.25, 240.0, 199.0)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_interval_of_the_mean_is_students(size: int) -> None:
    values = RETURNS[:size]
    expected = scipy_stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_one_episode_has_no_interval() -> None:
    assert np.isnan(mean_interval([3.0])).all()
    assert EvalStats((3.0,), (10,)).to_json()["mean"] == 3.0


def test_quantiles_of_many_degrees_of_freedom_come_at_once() -> None:
    low, *_, high = t_quantile_95(np.array([0, 4, 10_000_000]))
    assert math.isnan(low) and high == pytest.approx(1.96, abs=1e-4)


def test_the_numbers_in_a_summary_are_those_of_the_returns() -> None:
    numbers = EvalStats(RETURNS, (100, 100, 60, 100, 90), deterministic=False).to_json()
    assert numbers["mean"] == pytest.approx(np.mean(RETURNS)) and numbers["std"] == pytest.approx(
        np.std(RETURNS)
    )
    assert (numbers["min"], numbers["max"], numbers["episodes"]) == (-30.25, 250.0, 5)
    assert numbers["ci95"] == list(mean_interval(RETURNS))
    assert (numbers["mean_length"], numbers["deterministic"]) == (90.0, False)
