"""Verdicts in words: what is claimed, what is not, and the figures that go with it."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppo_cli.comparison.significance import Difference, seeds_to_settle, welch
from ppo_cli.comparison.verdict import ALPHA, PointScores, pair_verdict, sweep_sentence

LOW = (200.0, 205.0, 195.0, 210.0, 190.0)
HIGH = (300.0, 304.0, 296.0, 310.0, 290.0)
MIDDLE = (203.0, 199.0, 212.0, 196.0, 206.0)


def verdict(a: Sequence[float], b: Sequence[float], names: tuple[str, str] = ("A", "B")) -> str:
    result = welch(a, b)
    return pair_verdict(*names, result, result.p_value, len(a), len(b), seeds_to_settle(a, b))


def points(**returns: Sequence[float]) -> list[PointScores]:
    return [PointScores(f"x={name[1:]}", tuple(values)) for name, values in returns.items()]


# Pairs


def test_a_better_group_is_named_first_with_figures() -> None:
    result = Difference(31.2, (12.3, 50.1), 0.0042, 13.0)
    assert pair_verdict("eps_clip=0.2", "eps_clip=0.4", result, 0.0042, 8, 8, 0) == (
        "eps_clip=0.2 is better than 0.4: +31 [12, 50], p = 0.004, 8 seeds each"
    )


def test_a_worse_first_group_is_said_from_the_other_side() -> None:
    result = Difference(-31.2, (-50.1, -12.3), 0.0042, 13.0)
    assert pair_verdict("eps_clip=0.2", "eps_clip=0.4", result, 0.0042, 8, 5, 0) == (
        "eps_clip=0.4 is better than 0.2: +31 [12, 50], p = 0.004, 5 and 8 seeds"
    )


def test_groups_that_cannot_be_told_apart_are_told_what_would_settle_it() -> None:
    result = Difference(-8.04, (-26.6, 10.5), 0.36, 8.0)
    assert pair_verdict("0.2", "0.3", result, 0.36, 5, 5, 12) == (
        "0.2 and 0.3 cannot be told apart: -8 [-27, 10], p = 0.36, 5 seeds each; "
        "about 12 more seeds each would settle a difference of this size"
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (1, "about 1 more seed each"),
        (97, "about 97 more seeds"),
        (137, "about 140 more seeds"),
        (1234, "about 1,200 more seeds"),
        (None, "no practical number of seeds would settle a difference of this size"),
    ],
)
def test_more_seeds_are_an_estimate_and_read_like_one(more: int | None, words: str) -> None:
    assert words in pair_verdict("A", "B", Difference(1, (-1, 3), 0.3, 8), 0.3, 5, 5, more)


def test_the_corrected_p_value_decides_and_is_called_so() -> None:
    text = pair_verdict("A", "B", Difference(9, (1, 17), 0.03, 8), 0.12, 5, 5, 4, comparisons=4)
    assert text.startswith(
        "A and B cannot be told apart: +9.0 [1.0, 17.0], p = 0.12 (corrected for 4 comparisons)"
    )


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (1e-9, "p < 0.001,"),
        (0.0234, "p = 0.023,"),
        (0.2345, "p = 0.23,"),
        (0.996, "p > 0.99,"),
        (1, "p > 0.99,"),
    ],
)
def test_p_values_have_sensible_digits(p: float, words: str) -> None:
    assert words in pair_verdict("A", "B", Difference(9, (1, 17), p, 8), p, 5, 5, 4)


@pytest.mark.parametrize(
    ("difference", "ci95", "words"),
    [
        (12345.6, (11000.4, 13690.8), "+12,346 [11,000, 13,691]"),
        (0.031, (0.012, 0.050), "+0.031 [0.012, 0.050]"),
        (3.14159, (1.2, 5.08), "+3.1 [1.2, 5.1]"),
        (3e-9, (1e-9, 5e-9), "+3.00e-09 [1.00e-09, 5.00e-09]"),
        (3e12, (1e12, 5e12), "+3.00e+12 [1.00e+12, 5.00e+12]"),
        (20.0, (-0.2, 40.2), "+20 [0, 40]"),
    ],
)
def test_differences_have_as_many_digits_as_their_interval_is_wide(
    difference: float, ci95: tuple[float, float], words: str
) -> None:
    assert f": {words}," in pair_verdict("A", "B", Difference(difference, ci95, 0.01, 8), 0.01, 5, 5, 0)


def test_one_seed_each_says_nothing() -> None:
    assert verdict((3.0,), (300.0,)) == "between A and B nothing can be said: one seed each"


def test_the_group_that_lacks_seeds_is_named() -> None:
    assert verdict(LOW, (3.0,)).endswith("nothing can be said: one seed of B")
    assert verdict((), LOW).endswith("nothing can be said: no seed of A")
    assert verdict((), (3.0,)).endswith("nothing can be said: no seed of A, one seed of B")


def test_a_value_that_is_no_number_says_nothing() -> None:
    assert verdict((*LOW, math.nan), HIGH).endswith("nothing can be said: a value is not a finite number")


def test_groups_that_are_all_the_same_are_called_the_same() -> None:
    assert verdict((500.0,) * 5, (500.0,) * 5) == (
        "A and B cannot be told apart: every seed gave the same, 5 seeds each"
    )


def test_groups_without_spread_are_compared_without_an_interval() -> None:
    assert verdict((500.0,) * 5, (9.0,) * 5) == (
        "A is better than B: +491 without spread between seeds, p = 0.008, 5 seeds each"
    )
    assert verdict((500.0,) * 2, (9.0,) * 2) == (
        "A and B cannot be told apart: +491 without spread between seeds, p = 0.33, 2 seeds each; "
        "about 2 more seeds each would settle a difference of this size"
    )


def test_equal_groups_with_spread_cannot_be_told_apart_by_any_number_of_seeds() -> None:
    text = verdict(LOW, LOW)
    assert text.startswith("A and B cannot be told apart: +0 [-12, 12], p > 0.99, 5 seeds each")
    assert text.endswith("no practical number of seeds would settle a difference of this size")


@pytest.mark.parametrize(
    "names",
    [
        ("eps_clip=0.2", "gamma=0.99"),
        ("a=1+b=2", "a=1+b=3"),
        ("baseline", "eps_clip=0.2"),
        ("run-1", "run-2"),
    ],
)
def test_names_of_different_settings_stay_whole(names: tuple[str, str]) -> None:
    assert verdict(HIGH, LOW, names).startswith(f"{names[0]} is better than {names[1]}: ")


# Sweeps


def test_a_sweep_is_compared_with_its_default() -> None:
    sweep = points(_1=LOW, _2=MIDDLE, _3=HIGH, _4=[value - 100 for value in LOW])
    assert sweep_sentence(sweep, "x=2") == (
        "Compared with the default x=2 (mean 203): 3 (+97 [87, 107], p < 0.001) is better; "
        "4 (-103 [-114, -93], p < 0.001) is worse; "
        "1 cannot be told apart from it (about 100 more seeds each would settle a difference of this size). "
        "5 seeds each, Welch's t test (corrected for 3 comparisons)."
    )
    assert seeds_to_settle(LOW, MIDDLE, alpha=ALPHA / 3) == 100


def test_without_a_default_a_sweep_is_compared_with_its_best() -> None:
    text = sweep_sentence(points(_1=LOW, _2=MIDDLE, _3=HIGH))
    assert text.startswith("Compared with the best point, x=3 (mean 300): ")
    assert ": 1 (-100 [-111, -89], p < 0.001) and 2 (-97 [-107, -87], p < 0.001) are worse. " in text
    assert text.endswith("5 seeds each, Welch's t test (corrected for 3 comparisons).")


def test_the_clearest_findings_come_first() -> None:
    text = sweep_sentence(points(_1=LOW, _2=[value + 25 for value in LOW], _3=HIGH), "x=1")
    assert ": 3 (+100 [89, 111], p < 0.001) and 2 (+25 [13, 37], p = 0.001) are better. " in text


def test_the_best_point_pays_for_having_been_chosen() -> None:
    """Against a default these two differ; chosen as the best of four, all six pairs count."""
    near = [value + 17 for value in LOW]
    sweep = points(_1=LOW, _2=near, _3=LOW, _4=LOW)
    assert ALPHA / 6 < welch(LOW, near).p_value < ALPHA / 3
    assert "are worse" in sweep_sentence(sweep, "x=2")
    assert "cannot be told apart" in sweep_sentence(sweep)
    assert "worse" not in sweep_sentence(sweep)


def test_a_default_with_one_seed_leaves_the_best_to_compare_with() -> None:
    text = sweep_sentence(points(_1=LOW, _2=(200.0,), _3=HIGH), "x=2")
    assert text.startswith("Compared with the best point, x=3 ")
    assert text.endswith("Nothing can be said about 2 (one seed).")


def test_points_that_cannot_be_tested_are_listed_with_the_reason() -> None:
    sweep = points(_1=LOW, _2=HIGH, _3=(1.0,), _4=(), _5=(1.0, math.nan))
    assert sweep_sentence(sweep, "x=1").endswith(
        "Nothing can be said about 3 (one seed), 4 (no seed has finished) "
        "and 5 (a return is not a finite number)."
    )


def test_unequal_numbers_of_seeds_are_said() -> None:
    assert ". 3 to 5 seeds each, Welch" in sweep_sentence(points(_1=LOW, _2=HIGH[:3], _3=MIDDLE))


@pytest.mark.parametrize(
    ("sweep", "reason"),
    [
        ([], "no seed has finished"),
        (points(_1=(), _2=()), "no seed has finished"),
        (points(_1=(3.0,), _2=(5.0,)), "one seed each"),
        (points(_1=LOW), "x=1 is the only point"),
        (points(_1=LOW, _2=(3.0,)), "only x=1 has two seeds with a finite return"),
        (points(_1=(), _2=(3.0,)), "no point has two seeds with a finite return"),
        (points(_1=(math.nan, 1.0), _2=(3.0, math.inf)), "no point has two seeds with a finite return"),
    ],
)
def test_a_sweep_that_shows_nothing_says_so(sweep: list[PointScores], reason: str) -> None:
    assert sweep_sentence(sweep, "x=1") == f"Nothing can be said: {reason}."


def test_a_sweep_in_which_everything_is_equal_finds_nothing() -> None:
    text = sweep_sentence(points(_1=(500.0,) * 3, _2=(500.0,) * 3, _3=(500.0,) * 3), "x=1")
    assert text == (
        "Compared with the default x=1 (mean 500): 2 and 3 cannot be told apart from it "
        "(no practical number of seeds would settle the clearest of them, 2). "
        "3 seeds each, Welch's t test (corrected for 2 comparisons)."
    )


def test_many_points_are_counted_instead_of_listed() -> None:
    sweep = [PointScores(f"x={i}", tuple(value + i / 100 for value in LOW)) for i in range(40)]
    text = sweep_sentence(sweep, "x=0")
    assert "1, 2, 3, 4 and 35 more cannot be told apart from it" in text
    assert "the clearest of them, 39)" in text
    assert len(text) < 300


returns = st.lists(st.floats() | st.sampled_from([0.0, 500.0]), max_size=4).map(tuple)


@given(st.lists(returns, max_size=5), st.none() | st.integers(0, 5))
@settings(max_examples=150)
def test_whatever_the_returns_a_sweep_gets_one_readable_paragraph(
    all_returns: list[tuple[float, ...]], default: int | None
) -> None:
    sweep = [PointScores(f"x={i}", values) for i, values in enumerate(all_returns)]
    text = sweep_sentence(sweep, None if default is None else f"x={default}")
    assert text.endswith(".")
    assert re.search(r"\bnan\b|None|  |\(\)|: ;|: \.", text) is None


def test_a_verdict_does_not_wait_for_the_half_second_that_scipys_statistics_take_to_import() -> None:
    code = """
import sys
from ppo_cli.comparison.verdict import PointScores, sweep_sentence
print(sweep_sentence([PointScores("x=1", (1.0, 2.0)), PointScores("x=2", (2.0, 4.0))]))
print("scipy.special" in sys.modules, "scipy.stats" in sys.modules)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.endswith("\nTrue False\n")
