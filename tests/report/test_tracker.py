"""What the views show of a training."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from ppo_cli.report.tracker import mean_of


def test_a_mean_leaves_out_what_is_missing_or_infinite() -> None:
    assert mean_of([1.0, None, math.nan, math.inf, 3.0]) == 2.0
    assert mean_of([None, math.nan]) is None


@given(st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=60))
@example([1e308] * 50)
def test_a_mean_lies_between_the_smallest_and_the_largest_value(values: list[float]) -> None:
    mean = mean_of(values)
    assert mean is not None
    slack = 1e-12 * max(map(abs, values))
    assert min(values) - slack <= mean <= max(values) + slack
