"""The table of a sweep's results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from ppo_cli.report.numbers import count, duration, interval, number, short_count
from ppo_cli.report.plotting.scales import value_text
from ppo_cli.report.tables import cell
from ppo_cli.sweeps.results.point_result import best_first, best_point

if TYPE_CHECKING:
    from ppo_cli.sweeps.results.point_result import PointResult
    from ppo_cli.sweeps.spec.points import Point

MOST_ROWS = 50
_GAP = 3
_SPARE = ("time", "steps", "IQM")  # in this order a narrow terminal goes without them


def results_table(
    results: Sequence[PointResult], *, best: Point | None = None, width: int, unicode: bool = True
) -> Table:
    """One line per point: its values, seeds, mean with its 95 % interval, IQM, what was lost, steps and time.

    Of more than 50 points the best are shown, from the best on. A narrow terminal gets fewer columns, never
    cut numbers.

    Args:
        results: The points.
        best: The one to be bold; None takes that of :func:`~ppo_cli.sweeps.results.point_result.best_point`.
        width: Columns of the terminal.
        unicode: Whether ``±`` can be shown.
    """
    if best is None:
        best_result = best_point(results)
        best = None if best_result is None else best_result.point
    shown = results if len(results) <= MOST_ROWS else best_first(results)[:MOST_ROWS]
    numbers = _number_columns(shown, unicode=unicode)
    values = _value_columns(shown)
    for spare in _SPARE:
        if _width([*values, *numbers]) > width:
            numbers = [column for column in numbers if column[0] != spare]
    if _width([*values, *numbers]) > width:
        values = [("point", [_in_one(result.point) for result in shown])]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name, _ in values:
        table.add_column(Text(name), overflow="fold", min_width=min(8, len(name)))
    for name, _ in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for index, result in enumerate(shown):
        style = "bold green" if result.point == best else ""
        table.add_row(*(cell(texts[index], style) for _, texts in [*values, *numbers]))
    if len(shown) < len(results):
        table.add_row(cell(f"and {count(len(results) - len(shown))} more", "dim"))
    return table


Column = tuple[str, list[str]]  # its header and its texts


def _value_columns(results: Sequence[PointResult]) -> list[Column]:
    """A column for each swept setting."""
    names = list(dict.fromkeys(name for result in results for name, _ in result.point.values))
    points = [dict(result.point.values) for result in results]
    return [(name, [value_text(point[name]) if name in point else "" for point in points]) for name in names]


def _in_one(point: Point) -> str:
    """A point's values in one text."""
    return ", ".join(f"{name} = {value_text(value)}" for name, value in point.values)


def _number_columns(results: Sequence[PointResult], *, unicode: bool) -> list[Column]:
    sign = "±" if unicode else "+/-"
    columns = [
        ("seeds", [count(len(result.returns)) for result in results]),
        ("mean", [interval(result.mean, *result.ci95, sign) for result in results]),
        ("IQM", [number(result.iqm) for result in results]),
    ]
    lost = {
        "failed": [result.n_failed for result in results],
        "pruned": [result.n_pruned for result in results],
        "to do": [result.n_missing for result in results],
    }
    columns += [
        (name, list(map(count, numbers)))
        for name, numbers in lost.items()
        if name == "failed" or any(numbers)
    ]
    columns.append(("steps", [short_count(result.steps) for result in results]))
    columns.append(("time", [duration(result.wall_time) for result in results]))
    return columns


def _width(columns: Sequence[Column]) -> int:
    return sum(max(len(text) for text in (name, *texts)) + _GAP for name, texts in columns) - _GAP
