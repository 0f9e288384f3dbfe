"""The tables of a comparison for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from ppo_cli.comparison.comparison import Comparison, PairResult
from ppo_cli.report.compare_columns import Column, group_columns, pair_columns, setting_columns
from ppo_cli.report.numbers import count
from ppo_cli.report.tables import cell

MOST_PAIRS = 30
_GAP = 3


def groups_tables(comparison: Comparison, *, width: int, unicode: bool = True) -> list[Table]:
    """One line per group; in a narrow terminal two tables, so that no number is cut.

    Args:
        comparison: The groups.
        width: Columns of the terminal.
        unicode: Whether ``±`` can be shown.
    """
    names, *columns = group_columns(comparison, unicode=unicode)
    bold = _highest(comparison)
    if _width([names, *columns]) <= width:
        return [_table([names, *columns], bold)]
    achieved = [column for column in columns if column[0] in ("seeds", "mean", "IQM", "left out")]
    learned = [column for column in columns if column not in achieved]
    return [_table([names, *achieved], bold), _table([names, *learned], bold)]


def pairs_table(comparison: Comparison, *, width: int) -> Table:
    """One line per pair, the clearest first where they are many; a narrow terminal gets fewer p values.

    Args:
        comparison: The groups.
        width: Columns of the terminal.
    """
    pairs = list(comparison.pairs)
    if len(pairs) > MOST_PAIRS:
        pairs = sorted(pairs, key=_p_or_last)[:MOST_PAIRS]
    columns = pair_columns(comparison, pairs)
    for spare in ("p alone", "p perm."):
        if _width(columns) > width:
            columns = [column for column in columns if column[0] != spare]
    table = _table(columns, [pair.differs for pair in pairs])
    if len(pairs) < len(comparison.pairs):
        table.add_row(cell(f"and {count(len(comparison.pairs) - len(pairs))} more", "dim"))
    return table


def config_table(comparison: Comparison, *, width: int) -> Table:
    """One line per setting in which groups differ: a column per group, or one for all where they are many.

    Args:
        comparison: The groups.
        width: Columns of the terminal.
    """
    columns = setting_columns(comparison)
    if _width(columns) > width:
        by_group = [
            "; ".join(f"{name}: {text}" for name, text in values.items())
            for values in comparison.config_diff.values()
        ]
        columns = [columns[0], ("by group", by_group)]
    return _table(columns, [False] * len(comparison.config_diff), right=False)


def _table(columns: Sequence[Column], bold: Sequence[bool], *, right: bool = True) -> Table:
    """A table whose first column may be folded."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for index, (name, _) in enumerate(columns):
        if index == 0 or not right:
            table.add_column(cell(name), overflow="fold")
        else:
            table.add_column(name, justify="right", no_wrap=True)
    for row, marked in enumerate(bold):
        table.add_row(*(cell(texts[row], "bold" if marked else "") for _, texts in columns))
    return table


def _highest(comparison: Comparison) -> list[bool]:
    """Marks the group with the highest mean, where high is better."""
    means = [group.mean for group in comparison.groups if group.n_seeds]
    best = max(means, default=None) if comparison.higher_is_better and len(means) > 1 else None
    return [best is not None and group.mean == best for group in comparison.groups]


def _width(columns: Sequence[Column]) -> int:
    """The columns of a terminal that a table needs; its first column may be folded a little."""
    widths = [max(map(len, (name, *texts)), default=0) for name, texts in columns]
    return sum(width + _GAP for width in widths) - _GAP


def _p_or_last(pair: PairResult) -> float:
    return pair.p_uncorrected if pair.p_uncorrected == pair.p_uncorrected else 2.0
