"""Pictures side by side, and to their size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ppo_cli.film.shots import Array

WIDEST = 1200  # pixels, of several panels together when no width is asked for
_GAP = 4
_GAP_COLOUR = 120  # a grey that is seen between black pictures and between white ones
_IN_A_ROW = 4


def num_columns(count: int) -> int:
    """Choose how many of ``count`` panels stand side by side: all up to four, otherwise a grid.

    >>> [num_columns(count) for count in (1, 2, 4, 5, 6, 7, 9, 16)]
    [1, 2, 4, 3, 3, 4, 3, 4]
    """
    if count <= _IN_A_ROW:
        return count
    rows = math.ceil(count / _IN_A_ROW)
    return max(math.ceil(count / rows), math.ceil(math.sqrt(count)))


def panel_width(own: int, count: int, width: int | None) -> int:
    """The width of each of ``count`` panels, in pixels.

    Args:
        own: The width of the environment's pictures; panels are never wider.
        count: How many panels there are.
        width: Of the whole film; None for as wide as it is, several panels within :data:`WIDEST`.

    >>> panel_width(600, 1, None), panel_width(600, 1, 300)
    (600, 300)
    >>> panel_width(600, 2, None), panel_width(600, 4, 800)
    (598, 197)
    """
    columns = num_columns(count)
    if width is None:
        width = own if columns == 1 else WIDEST
    return max(1, min(own, (width - _GAP * (columns - 1)) // columns))


def scaled(frame: Array, width: int) -> Array:
    """A frame scaled down to a width, in proportion; one that is not wider is returned as it is."""
    height_now, width_now = frame.shape[:2]
    if width >= width_now:
        return frame
    height = max(1, round(height_now * width / width_now))
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BOX))


def arranged(panels: Sequence[Array]) -> Array:
    """Panels uint8 [H, W, 3] of one size as one picture: a row, or a grid whose last row is filled up."""
    if len(panels) == 1:
        return panels[0]
    height, width = panels[0].shape[:2]
    columns = num_columns(len(panels))
    rows = math.ceil(len(panels) / columns)
    shape = (rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3)
    picture = np.full(shape, _GAP_COLOUR, dtype=np.uint8)
    for index, panel in enumerate(panels):
        top, left = index // columns * (height + _GAP), index % columns * (width + _GAP)
        picture[top : top + height, left : left + width] = panel
    return picture
