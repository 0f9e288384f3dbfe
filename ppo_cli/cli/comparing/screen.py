"""A comparison on the terminal, from the tables to the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ppo_cli.comparison.effects import effects_sentence
from ppo_cli.report.compare_columns import legend_text
from ppo_cli.report.compare_plots import curves_of, metric_name
from ppo_cli.report.compare_tables import config_table, groups_tables, pairs_table
from ppo_cli.report.console import is_unicode, stderr_console, stdout_console
from ppo_cli.report.curve_text import curve_text
from ppo_cli.report.plotting.curves import CURVES
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from ppo_cli.comparison.comparison import Comparison


def print_comparison(comparison: Comparison, kind: str) -> None:
    """Print the tables, the curves and the verdict.

    Args:
        comparison: The groups.
        kind: ``mean`` or ``iqm``, of the seeds' curves.
    """
    console = stdout_console()
    width, soft = console.width, not console.is_terminal
    for table in groups_tables(comparison, width=width, unicode=is_unicode(console)):
        console.print(table)
        console.print()
    _print_curves(console, comparison, kind)
    pairs = pairs_table(comparison, width=width)
    console.print(pairs)
    console.print()
    if comparison.config_diff:
        console.print(config_table(comparison, width=width))
        console.print()
    headers = [str(column.header) for column in pairs.columns]
    console.print(Text(f"{legend_text(comparison, headers)}.", style="dim"), soft_wrap=soft)
    console.print()
    console.print(Text(clean(comparison.verdict), style="bold"), soft_wrap=soft)
    if comparison.effects:
        console.print(Text(clean(effects_sentence(comparison.effects))), soft_wrap=soft)


def _print_curves(console: Console, comparison: Comparison, kind: str) -> None:
    """Print the learning curves, if there are any."""
    over_seeds = {name: CURVES[kind](seeds) for name, seeds in curves_of(comparison).items()}
    curves = {name: curve for name, curve in over_seeds.items() if curve is not None}
    if not curves:
        return
    colour = console.is_terminal and console.color_system is not None and not console.no_color
    title = f"{metric_name(comparison.metric)}, {kind.replace('iqm', 'IQM')} over seeds"
    width, unicode = console.width, is_unicode(console)
    console.print(Text(title, style="bold"))
    console.print(
        curve_text(curves, width=width, threshold=comparison.threshold, unicode=unicode, colour=colour)
    )
    console.print()


def print_warnings(comparison: Comparison) -> None:
    """Print what a reader should know on stderr."""
    console = stderr_console()
    for warning in comparison.warnings:
        console.print(clean(f"warning: {warning}"), style="yellow", soft_wrap=not console.is_terminal)


def say_plots(plots: Sequence[str]) -> None:
    """Say on stderr which files were written."""
    if plots:
        stderr_console().print(clean(f"wrote {' and '.join(plots)}"), soft_wrap=True)
