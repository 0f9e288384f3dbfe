"""The live view of a sweep: a report in, a renderable of at most the terminal's size out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from ppo_cli.report.dashboard import one_line
from ppo_cli.report.numbers import count, duration, number
from ppo_cli.report.plotting.scales import colour_limits
from ppo_cli.report.sweep_cells import Look, cell_text, gradient, marks_of
from ppo_cli.report.text import clean
from ppo_cli.report.tracker import mean_of
from ppo_cli.sweeps.results.run_result import FINAL

if TYPE_CHECKING:
    from ppo_cli.sweeps.running.progress import Cell, ReportRow, SweepReport

_FIXED_LINES = 11  # beside the points, the line of the cursor included
_WIDEST = 150
_MEAN_WIDTH = 8
_SHORT_LABEL = 20  # columns of a label that are kept before the cells become small
_SHORT_NAME = 4  # columns of a setting's name that stay in a label


@dataclass(frozen=True)
class _Layout:
    """Columns of the table.

    Attributes:
        label: Columns of the label.
        seeds: The seeds that are shown.
        hidden: How many seeds there is no room for.
        look: How a cell looks.
    """

    label: int
    seeds: tuple[int, ...]
    hidden: int
    look: Look


def sweep_dashboard(
    report: SweepReport | None,
    title: str,
    *,
    width: int,
    height: int,
    unicode: bool = True,
    colour: bool = True,
    stopping: bool = False,
) -> RenderableType:
    """The whole live view.

    Args:
        report: How far the sweep is; None before the first report.
        title: What is swept.
        width: Columns of the terminal.
        height: Lines of the terminal.
        unicode: Whether block characters can be shown.
        colour: Whether colours can be shown.
        stopping: Whether a stop was asked for, so that the view says so.
    """
    width = max(20, min(width, _WIDEST)) - len("^C")  # the terminal echoes it behind the last line
    lines = [Text(clean(title), style="bold")]
    if report is None:
        lines.append(Text("starting", style="dim"))
    else:
        lines += [
            _progress(report, width, unicode=unicode),
            _counts(report),
            _speed(report),
            _best(report),
            Text(""),
        ]
        room = max(2, height - _FIXED_LINES)
        lines += _table(report, width, room, unicode=unicode, colour=colour)
    if stopping:
        message = "stopping: every run saves a checkpoint (again: exit at once)"
        lines.append(Text(message, style="yellow"))
    return Group(*(one_line(line, width) for line in lines))


def fraction_done(report: SweepReport) -> float:
    """Share of the work done, 0 to 1; runs that will not go on count as done."""
    cells = [cell for row in report.rows for cell in row.cells]
    shares = [1.0 if cell.status in FINAL else min(1.0, max(0.0, cell.fraction)) for cell in cells]
    return sum(shares) / len(shares) if shares else 0.0


def short_label(label: str, width: int, sign: str = "…") -> str:
    """A point's label in at most ``width`` columns: first the names lose their ends, the values are kept.

    >>> short_label("eps_clip=0.1+learning_rate=0.0003", 24)
    'eps_c…=0.1+learn…=0.0003'
    """
    if len(label) <= width:
        return label
    parts = [part.partition("=") for part in label.split("+")]
    names = [name for name, _, _ in parts]
    room = width - sum(len(equals + value) + 1 for _, equals, value in parts) + 1
    while sum(map(len, names)) > room and max(map(len, names)) > _SHORT_NAME:
        longest = max(range(len(names)), key=lambda index: len(names[index]))
        names[longest] = names[longest].removesuffix(sign)[:-1] + sign
        if len(names[longest]) <= _SHORT_NAME:
            break
    short = "+".join(name + equals + value for name, (_, equals, value) in zip(names, parts, strict=True))
    return short if len(short) <= width else short[: width - 1] + sign


def _progress(report: SweepReport, width: int, *, unicode: bool) -> Text:
    fraction = fraction_done(report)
    over = count(report.done + report.failed)
    after = f" {int(fraction * 100):3}%  {over}/{count(report.total)} runs  {duration(report.time_left)} left"
    cells = max(4, min(width, 100) - len(after))
    done = round(fraction * cells)
    full, empty = ("━", "─") if unicode else ("#", ".")
    return Text.assemble((full * done, "green"), (empty * (cells - done), "bright_black"), after)


def _counts(report: SweepReport) -> Text:
    """How many runs are where."""
    waiting = max(0, report.total - report.done - report.failed - report.running)
    text = Text.assemble(
        ("runs      ", "dim"), f"{count(report.done)} done   {count(report.running)} training"
    )
    text.append(f"   {count(waiting)} waiting")
    return text.append(f"   {count(report.failed)} failed", style="red" if report.failed else "")


def _speed(report: SweepReport) -> Text:
    speed = f"{count(report.steps_per_second)} steps/s   elapsed {duration(report.elapsed)}"
    return Text.assemble(("speed     ", "dim"), speed, "   ", (clean(report.stage), "cyan"))


def _best(report: SweepReport) -> Text:
    if report.best is None:
        return Text("best      none yet", style="dim")
    label, mean, num_seeds = report.best
    seeds = f" (mean of {num_seeds} seed{'' if num_seeds == 1 else 's'})"
    return Text.assemble(
        ("best      ", "dim"), (number(mean), "bold green"), (seeds, "dim"), "  ", clean(label)
    )


def _table(report: SweepReport, width: int, room: int, *, unicode: bool, colour: bool) -> list[Text]:
    """The header, the points that fit, what is not shown, and what the signs mean."""
    returns = [
        cell.eval_mean
        for row in report.rows
        for cell in row.cells
        if cell.status == "completed" and cell.eval_mean is not None
    ]
    layout = _layout(report.rows, width, colour_limits(returns), unicode=unicode, colour=colour)
    shown = list(range(len(report.rows)))
    if len(shown) > room:
        shown = sorted(_most_important(report)[: room - 1])
    best = None if report.best is None else report.best[0]
    lines = [_header(layout)]
    lines += [_row(report.rows[index], layout, is_best=report.rows[index].label == best) for index in shown]
    if len(shown) < len(report.rows):
        lines.append(_hidden(report.rows, set(shown)))
    statuses = {cell.status for index in shown for cell in report.rows[index].cells}
    return [*lines, _legend(layout.look, statuses, has_returns=bool(returns))]


def _layout(
    rows: Sequence[ReportRow], width: int, limits: tuple[float, float], *, unicode: bool, colour: bool
) -> _Layout:
    """Cells with numbers if they fit, else of one character; the label gets what is left."""
    seeds = tuple(sorted({cell.seed for row in rows for cell in row.cells}))
    longest = max([len("point"), *(len(clean(row.label)) for row in rows)])
    for numbers in (True, False):
        look = Look(*limits, numbers=numbers, unicode=unicode, colour=colour)
        left = width - _MEAN_WIDTH - 2 - look.width * len(seeds)
        if left >= min(longest, _SHORT_LABEL) or not numbers:
            break
    label = min(longest, max(_SHORT_LABEL, left))
    fit = max(1, width - label - _MEAN_WIDTH - 2 - len("+999"))
    shown = seeds if left >= min(longest, _SHORT_LABEL) else seeds[:fit]
    return _Layout(label, shown, len(seeds) - len(shown), look)


def _header(layout: _Layout) -> Text:
    text = Text("point".ljust(layout.label) + " ", style="dim")
    if layout.look.numbers:
        for seed in layout.seeds:
            name = f"seed {seed}" if len(f"seed {seed}") < layout.look.width else str(seed)
            text.append(name[1 - layout.look.width :].rjust(layout.look.width))
    else:
        ends = f"seeds {layout.seeds[0]} to {layout.seeds[-1]}" if layout.seeds else ""
        cells = len(layout.seeds)
        text.append((ends if len(ends) <= cells else "seeds"[:cells]).ljust(cells))
    return text.append("mean".rjust(_MEAN_WIDTH))


def _row(row: ReportRow, layout: _Layout, *, is_best: bool) -> Text:
    """A point: its label, a cell for each seed, and the mean of what is complete."""
    label = short_label(clean(row.label), layout.label, "…" if layout.look.unicode else "~")
    text = Text.assemble((label.ljust(layout.label), "bold" if is_best else ""), " ")
    cells = {cell.seed: cell for cell in row.cells}
    for seed in layout.seeds:
        text.append_text(cell_text(cells.get(seed), layout.look))
    mean = mean_of(cell.eval_mean for cell in row.cells if cell.status == "completed")
    text.append(number(mean).rjust(_MEAN_WIDTH), style="bold green" if is_best else "")
    return text.append(f" +{layout.hidden}" if layout.hidden else "", style="dim")


def _most_important(report: SweepReport) -> list[int]:
    """The rows by number: those in training, then the best, then the nearest to be trained."""

    def rank(index: int) -> tuple[int, float, int]:
        row = report.rows[index]
        statuses = {cell.status for cell in row.cells}
        mean = mean_of(cell.eval_mean for cell in row.cells if cell.status == "completed")
        if report.best is not None and row.label == report.best[0]:
            return 0, 0.0, index
        if "training" in statuses:
            return 1, 0.0, index
        return (3, 0.0, index) if mean is None else (2, -mean, index)

    return sorted(range(len(report.rows)), key=rank)


def _hidden(rows: Sequence[ReportRow], shown: set[int]) -> Text:
    """How many points are not shown, and how they stand."""
    states = Counter(_state(row.cells) for index, row in enumerate(rows) if index not in shown)
    total = sum(states.values())
    parts = ", ".join(
        f"{count(states[state])} {state}" for state in ("done", "training", "waiting") if states[state]
    )
    return Text(f"and {count(total)} more point{'' if total == 1 else 's'}: {parts}", style="dim")


def _state(cells: Sequence[Cell]) -> str:
    statuses = {cell.status for cell in cells}
    return "done" if statuses <= FINAL else "training" if "training" in statuses else "waiting"


def _legend(look: Look, statuses: set[str], *, has_returns: bool) -> Text:
    """What the signs mean, and which colours stand for which returns."""
    text = Text()
    if has_returns:
        text.append_text(gradient(look))
        text.append("  " if text else "")
    for mark, meaning, style in marks_of(look):
        if meaning in statuses:
            text.append(mark, style=style).append(f" {meaning}  ", style="dim")
    return text
