"""Numbers as people read them."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from ppo_cli.report.numbers import duration, interval, number


@given(st.floats() | st.none())
def test_every_number_becomes_a_short_text(value: float | None) -> None:
    assert 1 <= len(number(value)) <= 11


def test_a_missing_or_infinite_time_is_a_dash() -> None:
    assert duration(None) == duration(math.inf) == duration(math.nan) == "-"


def test_an_interval_that_is_not_known_leaves_the_mean() -> None:
    assert interval(12.5, math.nan, math.nan) == "12.5"
