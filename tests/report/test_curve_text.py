"""Learning curves as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ppo_cli.report.curve_text import MOST_CURVES, curve_text
from ppo_cli.report.plotting.curves import MeanCurve, mean_curve


def straight(first: float, last: float, *, steps: Sequence[float] = (0, 1000)) -> MeanCurve:
    curve = mean_curve([(np.array(steps, dtype=float), np.linspace(first, last, len(steps)))])
    assert curve is not None
    return curve


def plain(curves: dict[str, MeanCurve], *, width: int = 60, threshold: float | None = None) -> list[str]:
    shown = curve_text(curves, width=width, threshold=threshold, unicode=False, colour=False)
    return shown.plain.splitlines()


def body(lines: list[str]) -> list[str]:
    """The rows of a plot without the labels of its axis."""
    return [re.split(r"[|+]", line, maxsplit=1)[1] for line in lines[:10]]


def test_a_rising_curve_goes_from_the_lower_left_to_the_upper_right() -> None:
    lines = plain({"a": straight(0.0, 100.0)})
    places = [
        (row, column)
        for row, line in enumerate(body(lines))
        for column, sign in enumerate(line)
        if sign == "1"
    ]
    first, last = (choose(places, key=lambda place: place[1]) for choose in (min, max))
    assert first[0] > 7 and last[0] < 2
    assert first[1] == 0 and last[1] > 50
    columns = {column for _, column in places}
    assert columns == set(range(min(columns), max(columns) + 1)), "no gap"


def test_curves_are_told_apart_without_colour() -> None:
    lines = plain({"a": straight(0.0, 0.0), "b": straight(100.0, 100.0)})
    low = next(row for row, line in enumerate(lines) if "111" in line)
    high = next(row for row, line in enumerate(lines) if "222" in line)
    assert high < low
    assert lines[-1] == "1 a   2 b"


def test_with_colour_curves_are_braille_dots_in_the_colours_of_the_legend() -> None:
    shown = curve_text(
        {"a": straight(0, 1), "b": straight(1, 0)}, width=60, threshold=None, unicode=True, colour=True
    )
    dots = {str(span.style) for span in shown.spans if "⠀" < shown.plain[span.start] <= "⣿"}
    legend = {str(span.style) for span in shown.spans if shown.plain[span.start : span.end] == "━━"}
    assert dots == legend and len(dots) == 2


def test_the_threshold_is_a_line_where_it_is_in_view_and_nowhere_else() -> None:
    curves = {"a": straight(0.0, 100.0)}
    assert "-- solved: 50" in plain(curves, threshold=50.0)[-1]
    assert "----------" in "".join(plain(curves, threshold=50.0)[:10])
    assert "solved" not in plain(curves, threshold=9000.0)[-1]


def test_a_part_that_not_all_seeds_reach_is_dotted() -> None:
    long = (np.array([0.0, 1000.0]), np.array([5.0, 5.0]))
    short = (np.array([0.0, 500.0]), np.array([5.0, 5.0]))
    curve = mean_curve([long, short])
    assert curve is not None
    line = next(line for line in body(plain({"a": curve})) if "1" in line)
    assert "1111" in line and "1 1 1" in line
    assert line.index("1 1 1") > line.index("1111")


def test_the_plot_fits_its_width_and_says_what_is_left_out() -> None:
    curves = {f"group number {index}": straight(0.0, index) for index in range(9)}
    lines = plain(curves, width=40)
    assert max(map(len, lines)) <= 40
    assert f"the {MOST_CURVES} that end highest, of 9" in lines[-1]
    assert not any("group number 0" in line for line in lines)
