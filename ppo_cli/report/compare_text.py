"""A comparison as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from ppo_cli.comparison.comparison import Comparison, GroupResult
from ppo_cli.report.compare_columns import Column, group_columns, legend_text, pair_columns, setting_columns
from ppo_cli.report.text import clean

_CSV_COLUMNS = (
    "group", "seeds", "left_out", "mean", "ci95_low", "ci95_high", "iqm", "iqm_ci95_low", "iqm_ci95_high",
    "threshold", "steps_to_threshold", "seeds_at_threshold", "area_under_curve", "area_until", "wall_time",
)  # fmt: skip


def comparison_markdown(comparison: Comparison) -> str:
    """The verdict, the tables and the warnings; text of users stands in code spans."""
    pairs = pair_columns(comparison, comparison.pairs)
    parts = [
        f"## {_code(comparison.env_id)} by {_code(comparison.metric)}",
        _plain(comparison.verdict),
        _table(group_columns(comparison)),
    ]
    if comparison.pairs:
        parts.append(_table(pairs))
    parts.append(_plain(legend_text(comparison, [name for name, _ in pairs])) + ".")
    if comparison.config_diff:
        parts += ["Settings that differ:", _table(setting_columns(comparison))]
    if comparison.warnings:
        parts += ["Warnings:", "\n".join(f"* {_plain(warning)}" for warning in comparison.warnings)]
    return "\n\n".join(parts) + "\n"


def comparison_csv(comparison: Comparison) -> str:
    """One line per group, numbers as exact as they are, nothing where there is none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for group in comparison.groups:
        writer.writerow([_csv_cell(value) for value in _csv_row(comparison, group)])
    return out.getvalue()


def _csv_row(comparison: Comparison, group: GroupResult) -> list[object]:
    reached = None if comparison.threshold is None else group.n_reached
    return [
        group.name, group.n_seeds, len(group.failed), group.mean, *group.ci95, group.iqm, *group.iqm_ci95,
        comparison.threshold, group.steps_to_threshold, reached, group.auc, comparison.until, group.wall_time,
    ]  # fmt: skip


def _csv_cell(value: object) -> object:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return repr(value) if isinstance(value, float) else value


def _table(columns: Sequence[Column]) -> str:
    """A table in GitHub's Markdown; the first column is names, which may hold anything."""
    names, *others = columns
    header = [_plain(name) for name, _ in columns]
    texts = [[_code(text) for text in names[1]], *([_plain(text) for text in own] for _, own in others)]
    rows = [list(row) for row in zip(*texts, strict=True)]
    lines = [header, ["--"] + ["--:"] * len(others), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """Text as a code span, also inside a table."""
    shown = clean(text).replace("\n", " ").replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in _backticks(shown)), default=0))
    space = " " if fence != "`" else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _backticks(text: str) -> list[str]:
    return "".join(sign if sign == "`" else " " for sign in text).split()


def _plain(text: str) -> str:
    """Text in which nothing is markup."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#~" else sign for sign in clean(text).replace("\n", " "))
