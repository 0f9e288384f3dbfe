"""One palette for a whole film."""

from __future__ import annotations

import numpy as np

from ppo_cli.film.palette import choose_palette, nearest_colours


def test_a_frequent_colour_is_kept_exactly_and_near_ones_join_it() -> None:
    colours = np.array([0xFFFFFF, 0xFEFEFE, 0x102030, 0xCC0000])
    palette = choose_palette(colours, np.array([5000, 60, 3000, 100]))
    assert palette.tolist() == [[255, 255, 255], [16, 32, 48], [204, 0, 0]]
    nearest = nearest_colours(palette)
    assert nearest[0x7FFF] == 0 and nearest[(16 >> 3) << 10 | (32 >> 3) << 5 | 48 >> 3] == 1
    assert nearest[30 << 10] == 2 and nearest[0] == 1


def test_rare_colours_do_not_enlarge_the_palette() -> None:
    colours = np.arange(0, 1 << 24, 1 << 12)  # 4096 of them, none like another
    frequent = np.where(np.arange(4096) < 60, 100_000, 1)
    assert len(choose_palette(colours, frequent)) == 63
    assert len(choose_palette(colours, np.ones(4096))) == 255
