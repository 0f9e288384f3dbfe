"""Learning curves as text, for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.text import Text

from ppo_cli.report.numbers import number, short_count
from ppo_cli.report.plotting.curves import MeanCurve
from ppo_cli.report.plotting.marks import view_with_threshold
from ppo_cli.report.plotting.scales import view_limits
from ppo_cli.report.text import clean

_COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red")
_SIGNS = "123456"
MOST_CURVES = len(_SIGNS)
_ROWS = 10
_NARROWEST = 20
_WIDEST = 100
# Dots of a Braille character: its bit by row and column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800

Cells = dict[tuple[int, int], tuple[str, str]]  # row and column to a character and its style


def curve_text(
    curves: Mapping[str, MeanCurve], *, width: int, threshold: float | None, unicode: bool, colour: bool
) -> Text:
    """A small plot of some curves over steps.

    With colours the lines are drawn in Braille dots, without them in digits that the legend explains. Of more
    than six curves those that end highest are shown.

    Args:
        curves: By group.
        width: Columns of the terminal.
        threshold: The value that counts as solved, or None.
        unicode: Whether Braille dots and lines can be shown.
        colour: Whether colours can be shown.
    """
    shown = _highest(curves)
    if not shown:
        return Text()
    values = [value for curve in shown.values() for value in curve.mean.tolist()]
    low, high = view_with_threshold(*view_limits(values), threshold)
    labels = [number(value, 3) for value in (high, (low + high) / 2, low)]
    margin = max(map(len, labels)) + 2
    columns = max(_NARROWEST, min(width, _WIDEST) - margin - 1)
    begin = min(float(curve.steps[0]) for curve in shown.values())
    end = max(float(curve.steps[-1]) for curve in shown.values())
    dotted = unicode and colour
    dots = (2, 4) if dotted else (1, 1)
    cells = _threshold_cells(threshold, low, high, columns, unicode=unicode)
    for index, curve in enumerate(shown.values()):
        line = _line(curve, (begin, end), (low, high), (columns * dots[0], _ROWS * dots[1]))
        if dotted:
            _add_dots(cells, line, _COLOURS[index])
        else:
            cells |= dict.fromkeys(line, (_SIGNS[index], ""))
    signs = [("━━", colour) if dotted else (sign, "") for sign, colour in zip(_SIGNS, _COLOURS, strict=True)]
    parts = [Text.assemble(sign, f" {clean(label)}") for label, sign in zip(shown, signs, strict=False)]
    if threshold is not None and low <= threshold <= high:
        parts.append(Text(f"{'╌╌' if unicode else '--'} solved: {threshold:g}", style="dim"))
    if len(curves) > len(shown):
        parts.append(Text(f"the {len(shown)} that end highest, of {len(curves)}", style="dim"))
    rows = _rows(cells, labels, margin, columns, unicode=unicode)
    return Text("\n").join(
        [*rows, _steps_axis(begin, end, margin, columns, unicode=unicode), *_legend(parts, width)]
    )


def _highest(curves: Mapping[str, MeanCurve]) -> dict[str, MeanCurve]:
    """The curves that end highest, in their order."""
    ranked = sorted(curves, key=lambda label: curves[label].last, reverse=True)[:MOST_CURVES]
    return {label: curve for label, curve in curves.items() if label in ranked}


def _line(
    curve: MeanCurve, ends: tuple[float, float], view: tuple[float, float], size: tuple[int, int]
) -> list[tuple[int, int]]:
    """The dots of a curve, as row and column; every second one where some of its seeds have ended."""
    columns, rows = size
    steps = np.linspace(*ends, columns)
    inside = (steps >= curve.steps[0]) & (steps <= curve.steps[-1])
    height = (np.interp(steps, curve.steps, curve.mean) - view[0]) / (view[1] - view[0])
    whole = np.interp(steps, curve.steps, curve.is_whole.astype(float)) > 0.5
    dots: list[tuple[int, int]] = []
    before: int | None = None
    for column in np.flatnonzero(inside).tolist():
        row = round((1 - float(height[column])) * (rows - 1))
        if whole[column] or column % 2 == 0:
            between = range(min(row, before + 1), max(row + 1, before)) if before is not None else (row,)
            dots += [(each, column) for each in {*between, row} if 0 <= each < rows]
        before = row
    return dots


def _add_dots(cells: Cells, dots: Sequence[tuple[int, int]], colour: str) -> None:
    """Put dots into Braille characters; one that holds two curves has the colour of the later one."""
    for row, column in dots:
        place = row // 4, column // 2
        sign = cells.get(place, (" ", ""))[0]
        bits = ord(sign) - _BRAILLE if ord(sign) >= _BRAILLE else 0
        cells[place] = chr(_BRAILLE + (bits | _DOTS[row % 4][column % 2])), colour


def _threshold_cells(
    threshold: float | None, low: float, high: float, columns: int, *, unicode: bool
) -> Cells:
    if threshold is None or not low <= threshold <= high:
        return {}
    row = round((high - threshold) / (high - low) * (_ROWS - 1))
    return {(row, column): ("╌" if unicode else "-", "dim") for column in range(columns)}


def _rows(cells: Cells, labels: Sequence[str], margin: int, columns: int, *, unicode: bool) -> list[Text]:
    at = {0: labels[0], (_ROWS - 1) // 2: labels[1], _ROWS - 1: labels[2]}
    lines = []
    for row in range(_ROWS):
        tick = ("┤" if unicode else "+") if row in at else ("│" if unicode else "|")
        line = Text().append(f"{at.get(row, ''):>{margin - 1}} {tick}", style="dim")
        for column in range(columns):
            line.append(*cells.get((row, column), (" ", "")))
        line.rstrip()
        lines.append(line)
    return lines


def _steps_axis(begin: float, end: float, margin: int, columns: int, *, unicode: bool) -> Text:
    """The line below the plot, and the steps at its ends and in its middle."""
    corner, dash = ("└", "─") if unicode else ("+", "-")
    left, middle, right = (short_count(steps) for steps in (begin, (begin + end) / 2, end))
    right = f"{right} steps"
    room = columns - len(left) - len(right)
    inner = f"{middle:^{room}}" if room > len(middle) + 2 else " " * max(1, room)
    return Text(
        f"{'':>{margin}}{corner}{dash * columns}\n{'':>{margin + 1}}{left}{inner}{right}", style="dim"
    )


def _legend(parts: Sequence[Text], width: int) -> list[Text]:
    """The parts in as few lines as they fit in."""
    lines = [parts[0]]
    for part in parts[1:]:
        fits = lines[-1].cell_len + 3 + part.cell_len <= width
        if fits:
            lines[-1] = Text.assemble(lines[-1], "   ", part)
        else:
            lines.append(part)
    return lines
