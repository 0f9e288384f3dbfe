"""Pictures side by side."""

from __future__ import annotations

import numpy as np

from ppo_cli.film.layout import arranged


def test_panels_stand_in_a_row_or_a_grid_and_nothing_overlaps() -> None:
    for count in range(2, 17):
        panels = [np.full((6, 8, 3), 130 + number, np.uint8) for number in range(count)]
        picture = arranged(panels)
        for number in range(count):
            assert (picture == 130 + number).all(axis=2).sum() == 6 * 8
        assert picture.shape[1] <= 4 * 8 + 3 * 4
