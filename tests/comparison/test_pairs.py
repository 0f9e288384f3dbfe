"""Every pair of groups: p values corrected for all of them, and how many seeds would settle it."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.comparisons import HIGH, LOW, MIDDLE, compare_scores

from ppo_cli.comparison.significance import seeds_to_settle


def test_p_values_are_corrected_for_all_pairs(runs_dir: Path) -> None:
    comparison = compare_scores(runs_dir, a=LOW, b=MIDDLE, c=HIGH)
    by_name = {(pair.a, pair.b): pair for pair in comparison.pairs}
    clear = by_name["a", "c"]
    assert clear.p_value == pytest.approx(3 * min(pair.p_uncorrected for pair in comparison.pairs), rel=0.5)
    assert clear.permutation_p == pytest.approx(3 * clear.permutation_p_uncorrected)
    assert by_name["a", "b"].p_value == by_name["a", "b"].p_uncorrected
    assert by_name["a", "b"].more_seeds == seeds_to_settle(LOW, MIDDLE, alpha=0.05 / 3)


def test_a_settled_pair_needs_no_more_seeds_also_where_only_holms_steps_settle_it(runs_dir: Path) -> None:
    near = [value + 2.6 for value in (100.0, 101.0, 102.0, 103.0, 104.0)]
    comparison = compare_scores(
        runs_dir, a=(0.0, 1.0, 2.0, 3.0, 4.0), b=[value - 2.6 for value in near], c=near
    )
    pair = comparison.pairs[2]
    assert pair.differs and pair.p_uncorrected > 0.05 / 3
    assert pair.more_seeds == 0
