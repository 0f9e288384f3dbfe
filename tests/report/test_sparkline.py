"""Curves and bars of one line of text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ppo_cli.report.sparkline import History, shares_bar, sparkline


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=300), st.integers(0, 100))
def test_a_sparkline_is_never_wider_than_asked_and_survives_every_number(
    values: list[float], width: int
) -> None:
    for unicode in (True, False):
        assert len(sparkline(values, width, unicode=unicode)) <= width


def test_a_sparkline_rises_with_its_values() -> None:
    line = sparkline(range(100), 10)
    assert list(line) == sorted(line) and line[0] == "▁" and line[-1] == "█"


def test_a_history_stays_small_and_keeps_first_and_shape() -> None:
    history = History(capacity=16)
    for value in range(10_000):
        history.add(float(value))
    assert len(history.points) <= 16
    assert history.points[0] == 0.0 and history.points == sorted(history.points)
    assert history.points[-1] > 8_000


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=6), st.integers(0, 60))
def test_the_cells_of_a_bar_add_up(shares: list[float], width: int) -> None:
    cells = shares_bar(shares, width)
    assert all(cell >= 0 for cell in cells)
    assert sum(cells) == (width if sum(shares) > 0 else 0)
