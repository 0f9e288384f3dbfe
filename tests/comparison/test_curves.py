"""How fast a run learned: steps to a threshold, and the area under its curve."""

from __future__ import annotations

import math

import pytest

from ppo_cli.comparison.curves import area_under_curve, steps_to_threshold


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
