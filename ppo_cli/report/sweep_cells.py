"""One run in the live table of a sweep: its return as a colour and a number, or how far it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from ppo_cli.report.dashboard import STATUS_STYLES

if TYPE_CHECKING:
    from ppo_cli.sweeps.running.progress import Cell

_FILL = "▁▂▃▄▅▆▇█"
_FILL_ASCII = ".:-=+*%#"
_NUMBER_WIDTH = 5
# Viridis, from the worst return to the best; told apart by colour-blind readers and by brightness alone.
_COLOURS = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725")
_DARK_COLOURS = 4
_WORDS = {"diverged": "DIV", "failed": "FAIL", "pruned": "cut", "interrupted": "stop"}
_LETTERS = {"diverged": "D", "failed": "F", "pruned": "c", "interrupted": "s"}


@dataclass(frozen=True)
class Look:
    """How cells look.

    Attributes:
        low: The return of the first colour.
        high: The return of the last one.
        numbers: Whether a cell shows its return as a number, or is one character wide.
        unicode: Whether block characters can be shown.
        colour: Whether colours can be shown.
    """

    low: float
    high: float
    numbers: bool
    unicode: bool
    colour: bool

    @property
    def width(self) -> int:
        """Columns of a cell, with the gap before it."""
        return _NUMBER_WIDTH + 3 if self.numbers else 1

    @property
    def waiting(self) -> str:
        """The sign of a run that has not begun."""
        return "·" if self.unicode else "."

    def share(self, value: float) -> float:
        """Place a return between the ends, 0 to 1."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def fill(self, fraction: float) -> str:
        """A character for how far a run is."""
        blocks = _FILL if self.unicode else _FILL_ASCII
        return blocks[min(len(blocks) - 1, int(max(0.0, fraction) * len(blocks)))]


def cell_text(cell: Cell | None, look: Look) -> Text:
    """A run in ``look.width`` columns; blank where a point has no such run."""
    if cell is None:
        return Text(" " * look.width)
    return _wide(cell, look) if look.numbers else _small(cell, look)


def short_return(value: float | None) -> str:
    """A return in at most five characters.

    >>> [short_return(value) for value in (251.34, -87.12, 0.931, -12345.6, 1234567.0, None)]
    ['251', '-87', '0.93', '-1e4', '1e6', '']
    """
    if value is None or not math.isfinite(value):
        return ""
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
    if len(text) <= _NUMBER_WIDTH:
        return text
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def gradient(look: Look) -> Text:
    """The scale of colours with the returns at its ends; in words where there is no colour."""
    ends = short_return(look.low), short_return(look.high)
    if look.colour:
        block = "█" if look.unicode else "#"
        text = Text(f"{ends[0]} ", style="dim")
        for colour in _COLOURS:
            text.append(block, style=colour)
        return text.append(f" {ends[1]}", style="dim")
    return Text("" if look.numbers else f"0-9 return {ends[0]} to {ends[1]}", style="dim")


def marks_of(look: Look) -> list[tuple[str, str, str]]:
    """Signs, the statuses that they stand for, and their styles; the plainest come last."""
    words = _WORDS if look.numbers else _LETTERS
    training = f"{look.fill(0.0)}{look.fill(1.0)}"
    marks = [(word, status, STATUS_STYLES.get(status, "dim")) for status, word in words.items()]
    return [*marks, (training, "training", "cyan"), (look.waiting, "waiting", "dim")]


def _wide(cell: Cell, look: Look) -> Text:
    """A gap, then a number on its colour, or a block and the last evaluation, or a word."""
    value = short_return(cell.eval_mean)
    if cell.status == "completed":
        return Text.assemble("  ", (f"{value or '-':>{_NUMBER_WIDTH}} ", _background(cell.eval_mean, look)))
    if cell.status == "training":
        fill = look.fill(cell.fraction)
        return Text.assemble(" ", (fill, "cyan"), (f"{value:>{_NUMBER_WIDTH}} ", "dim"))
    text = _WORDS.get(cell.status, look.waiting)
    return Text.assemble("  ", (f"{text:>{_NUMBER_WIDTH}} ", STATUS_STYLES.get(cell.status, "dim")))


def _small(cell: Cell, look: Look) -> Text:
    """One character."""
    if cell.status == "training":
        return Text(look.fill(cell.fraction), style="cyan")
    if cell.status != "completed":
        return Text(_LETTERS.get(cell.status, look.waiting), style=STATUS_STYLES.get(cell.status, "dim"))
    if cell.eval_mean is None or not math.isfinite(cell.eval_mean):
        return Text("?")
    if look.colour:
        return Text("█" if look.unicode else "#", style=_COLOURS[_shade(cell.eval_mean, look)])
    return Text(str(min(9, int(look.share(cell.eval_mean) * 10))))


def _background(value: float | None, look: Look) -> str:
    if value is None or not math.isfinite(value) or not look.colour:
        return ""
    shade = _shade(value, look)
    return f"{'white' if shade < _DARK_COLOURS else 'black'} on {_COLOURS[shade]}"


def _shade(value: float, look: Look) -> int:
    return round(look.share(value) * (len(_COLOURS) - 1))
