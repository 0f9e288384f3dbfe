"""Words, numbers and bars on a picture: readable on dark scenes and on light ones, in few colours.

A GIF grows with its colours, so letters have two shades between ink and paper, and a rim of paper around them
instead of a box that would hide the scene. The letters are those of Pillow: no font file is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ppo_cli.film.shots import Array

Colour = tuple[int, int, int]

_SHADES = 3  # of a letter: steps from paper to ink
_NUMBER = "-1234.5"  # the column of values has room for it, whatever the values are
_BAR_WIDTH = 3.6


@dataclass(frozen=True)
class Line:
    """A line of an overlay.

    Attributes:
        name: What it is; alone, it is a heading.
        value: Its value.
        bar: Where a bar beside it begins and ends, each from 0 (left) to 1 (right).
        mark: What must not be overlooked, written behind the value.
        room: The longest value that it could have, so that the column does not move; empty for a number.
    """

    name: str
    value: str = ""
    bar: tuple[float, float] | None = None
    mark: str = ""
    room: str = ""


@dataclass(frozen=True)
class Paint:
    """The colours of an overlay.

    Attributes:
        paper: Around the letters.
        ink: Values and headings.
        faint: Names.
        mark: Marks.
        bar: Bars.
    """

    paper: Colour
    ink: Colour
    faint: Colour
    mark: Colour
    bar: Colour


ON_DARK = Paint((0, 0, 0), (245, 245, 245), (170, 170, 170), (255, 170, 40), (70, 150, 255))
ON_LIGHT = Paint((255, 255, 255), (16, 16, 16), (100, 100, 100), (200, 60, 0), (30, 100, 220))


def paint_for(frame: Array) -> Paint:
    """The colours that are read on a picture, by how bright it is where the overlay goes: top left."""
    height, width = frame.shape[:2]
    return ON_DARK if frame[: height // 2, : width // 2].mean() < 128 else ON_LIGHT


def font_size(width: int) -> int:
    """Size of the letters on a picture, in pixels: a 40th of its width, between what is legible and enough.

    >>> [font_size(width) for width in (160, 300, 500, 600, 1200)]
    [10, 10, 12, 15, 16]
    """
    return max(10, min(16, round(width / 40)))


def with_lines(frame: Array, lines: Sequence[Line], paint: Paint) -> Array:
    """A picture with lines at its top left; lines that it is too low for are left out.

    Args:
        frame: uint8 [H, W, 3]; it is not changed.
        lines: From the top down.
        paint: The colours.
    """
    picture = frame.copy()
    size = font_size(frame.shape[1])
    margin, height = size // 2, _line_height(size)
    names = max((_length(line.name, size) for line in lines if line.value), default=0)
    values = max(_length(text, size) for text in (_NUMBER, *(line.room for line in lines)))
    right = margin + names + size + values
    for number, line in enumerate(lines):
        top = margin + number * height
        if top + height > len(picture):
            break
        _write(picture, line.name, margin, top, size, paint.faint if line.value else paint.ink, paint.paper)
        start = right - _length(line.value, size)
        _write(picture, line.value, start, top, size, paint.ink, paint.paper)
        _write(picture, line.mark, right + size // 2, top, size, paint.mark, paint.paper)
        if line.bar is not None:
            _draw_bar(picture, line.bar, right + size // 2, top, size, paint)
    return picture


def fitting(text: str, width: int, size: int) -> str:
    """Text that fits a width in pixels, cut in the middle where it is too long.

    Characters that the letters lack become question marks.
    """
    text = "".join(char if " " <= char <= "~" else "?" for char in text)
    kept = len(text)
    short = text
    while kept > 2 and _length(short, size) > width:
        kept -= 1
        head = (kept + 1) // 2
        short = f"{text[:head]}…{text[len(text) - (kept - head) :]}"
    return short


def _draw_bar(picture: Array, bar: tuple[float, float], left: int, top: int, size: int, paint: Paint) -> None:
    """A bar from the first place to the second, on a line that shows how far it could reach."""
    width = round(_BAR_WIDTH * size)
    height = max(3, size // 2)
    top += (_line_height(size) - height) // 2
    picture[top - 1 : top + height + 1, left - 1 : left + width + 2] = paint.paper
    middle = top + height // 2
    picture[middle, left : left + width + 1] = paint.faint
    begin, end = sorted(left + round(min(1.0, max(0.0, place)) * width) for place in bar)
    picture[top : top + height, begin : end + 1] = paint.bar
    zero = left + round(min(1.0, max(0.0, bar[0])) * width)
    picture[top : top + height, zero : zero + 1] = paint.ink  # a slice: it may be beyond a narrow picture


def _write(picture: Array, text: str, left: int, top: int, size: int, ink: Colour, paper: Colour) -> None:
    """Write text into a picture, with a rim of paper; what does not fit is cut off."""
    if not text:
        return
    letters, rim = _letters(text, size)
    left, top = max(0, left - 1), max(0, top - 1)
    place = picture[top : top + letters.shape[0], left : left + letters.shape[1]]
    here = np.s_[: place.shape[0], : place.shape[1]]
    place[rim[here]] = _shades(ink, paper)[letters[here][rim[here]]]


@cache
def _shades(ink: Colour, paper: Colour) -> Array:
    """The shades from paper to ink, uint8 [shades + 1, 3]."""
    steps = np.linspace(0, 1, _SHADES + 1)[:, None]
    return np.rint(np.array(paper) * (1 - steps) + np.array(ink) * steps).astype(np.uint8)


@lru_cache(maxsize=4096)
def _letters(text: str, size: int) -> tuple[Array, Array]:
    """Draw letters: the ink on each pixel (0 to the number of shades), and where ink or rim is; [H, W]."""
    image = Image.new("L", (_length(text, size) + 3, _line_height(size) + 2))
    ImageDraw.Draw(image).text((1, 1), text, fill=255, font=_font(size))
    ink = np.rint(np.asarray(image) * (_SHADES / 255)).astype(np.uint8)
    padded = np.pad(ink > 0, 1)
    rows, columns = ink.shape
    rim = np.zeros_like(ink, dtype=bool)
    for row in range(3):
        for column in range(3):
            rim |= padded[row : row + rows, column : column + columns]
    return ink, rim


@lru_cache(maxsize=4096)
def _length(text: str, size: int) -> int:
    """Width of text, in pixels."""
    return int(np.ceil(_font(size).getlength(text)))


@cache
def _line_height(size: int) -> int:
    return round(1.3 * size)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
