"""Words on pictures: readable, in few colours, and inside."""

from __future__ import annotations

import numpy as np
import pytest

from ppo_cli.film.overlay import ON_DARK, ON_LIGHT, Line, fitting, paint_for, with_lines

WHITE, BLACK = np.full((90, 120, 3), 255, np.uint8), np.zeros((90, 120, 3), np.uint8)


def contrast(picture: np.ndarray) -> float:
    """Luminance contrast between the brightest and the darkest pixel, as WCAG defines it."""
    linear = np.where(picture <= 10, picture / 3294.6, ((picture / 255 + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return float((luminance.max() + 0.05) / (luminance.min() + 0.05))


@pytest.mark.parametrize("background", [WHITE, BLACK])
@pytest.mark.parametrize("line", [Line("return", "5"), Line("", "5"), Line("", "", mark="ended")])
def test_letters_stand_out_from_white_and_from_black(background: np.ndarray, line: Line) -> None:
    picture = with_lines(background, [line], paint_for(background))
    assert (picture != background).any() and (background == background[0, 0]).all()
    assert contrast(picture) > 4.5, "what WCAG asks of text"


def test_the_colours_follow_the_brightness_behind_the_words() -> None:
    sky = BLACK.copy()
    sky[60:] = 255
    assert paint_for(sky) == ON_DARK and paint_for(255 - sky) == ON_LIGHT


@pytest.mark.parametrize("background", [WHITE, BLACK])
def test_an_overlay_takes_few_colours(background: np.ndarray) -> None:
    lines = [
        Line("heading"),
        Line("return", "-123.4"),
        Line("step", "42", mark="ended"),
        Line("a", "1", (0, 1)),
    ]
    picture = with_lines(background, lines, paint_for(background))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) <= 12


def test_words_are_read_on_a_busy_picture() -> None:
    busy = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    picture = with_lines(busy, [Line("return", "8")], ON_LIGHT)
    changed = (picture != busy).any(axis=2)
    rows, columns = np.nonzero((picture == ON_LIGHT.ink).all(axis=2) & changed)
    for row, column in zip(rows, columns, strict=True):
        assert changed[row - 1 : row + 2, column - 1 : column + 2].all(), "ink is surrounded by paper"
    assert len(rows)


def test_a_bar_shows_where_between_its_bounds_a_value_lies() -> None:
    def blue(bar: tuple[float, float]) -> tuple[int, int]:
        picture = with_lines(BLACK, [Line("f", "1", bar)], ON_DARK)
        columns = np.flatnonzero((picture == ON_DARK.bar).all(axis=2).any(axis=0))
        return int(columns.min()), int(columns.max())

    left, right, all_of_it = blue((0.5, 0.0)), blue((0.5, 1.0)), blue((0.0, 1.0))
    assert left[1] < right[0] and left[0] - 1 <= all_of_it[0] <= left[0] + 1 and right[1] == all_of_it[1]
    assert blue((0.5, 9.0)) == right, "never beyond its end"


def test_lines_for_which_there_is_no_room_are_left_out() -> None:
    lines = [Line("step", str(number)) for number in range(50)]
    few = with_lines(WHITE, lines[:6], ON_LIGHT)
    assert np.array_equal(with_lines(WHITE, lines, ON_LIGHT), few)
    for shape in ((4, 4, 3), (30, 40, 3), (1, 300, 3)):
        assert with_lines(np.zeros(shape, np.uint8), lines, ON_DARK).shape == shape


def test_headings_fit_and_keep_both_ends() -> None:
    assert fitting("short", 200, 10) == "short"
    cut = fitting("LunarLander-v3-ppo-clip-distance-s17", 100, 10)
    assert cut.startswith("Lunar") and cut.endswith("s17") and "…" in cut and len(cut) < 25
    assert fitting("a\n\x1b[2Jé中b", 200, 10) == "a??[2J??b"


@pytest.mark.parametrize("width", [16, 50, 110])
def test_bars_that_reach_beyond_a_narrow_picture_are_cut(width: int) -> None:
    frame = np.zeros((120, width, 3), np.uint8)
    line = Line("action", "0.5", bar=(0.0, 1.0))
    assert with_lines(frame, [line], paint_for(frame)).shape == frame.shape
