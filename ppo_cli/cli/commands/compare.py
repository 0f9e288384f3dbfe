"""``ppo compare``: which group of runs is better, and how sure that is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json, write_stdout
from ppo_cli.errors import UsageError
from ppo_cli.storage.output_path import check_folder_of, check_new_file

if TYPE_CHECKING:
    from ppo_cli.compare.comparison import Comparison

Groups = Annotated[
    list[str],
    typer.Argument(
        metavar="GROUP...",
        help="Runs, sweeps, SWEEP/POINT, the beginning of runs of several seeds, globs; or NAME=any.",
        autocompletion=options.complete_run,
        show_default=False,
    ),
]
Metric = Annotated[
    str, typer.Option("--metric", metavar="NAME", help="The final evaluation, or any column that runs log.")
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", metavar="X", help="What counts as solved (default: the environment's mark)."),
]
Kind = Annotated[
    Literal["mean", "iqm"], typer.Option("--curve", help="What curves show of the seeds: mean or IQM.")
]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="PATH", help="Write PATH.png and PATH.svg: curves and profiles."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the plot if it exists.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print one CSV line per group on stdout.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown on stdout.")]


def compare_command(
    groups: Groups,
    metric: Metric = "eval/return",
    threshold: Threshold = None,
    curve: Kind = "mean",
    plot: Plot = None,
    force: Force = False,
    runs_dir: options.RunsDir = DEFAULT_RUNS_DIR,
    json: options.Json = False,
    csv: Csv = False,
    markdown: Markdown = False,
) -> None:
    r"""Compare groups of runs: tables, learning curves, and a verdict in words. Seeds are what is counted.

    By default the final evaluations are compared, which are by the environment's own reward.

    \b
    Examples:
      ppo compare LunarLander-v3-eps_clip                     the points of a sweep
      ppo compare LunarLander-v3-ppo-clip LunarLander-v3-mine seeds of two trainings
      ppo compare 'old=runs-2025/Cart*' 'new=CartPole-v1-*' --plot comparison
      ppo compare SWEEP/eps_clip=0.2 SWEEP/eps_clip=0.3 --metric train/entropy
    """
    one_format(json, csv, markdown)
    if threshold is not None and not math.isfinite(threshold):
        raise UsageError(f"{threshold} is no threshold", hint="--threshold 200", key="--threshold")
    image = None if plot is None else plot_path(plot, force=force)
    from ppo_cli.compare.comparison import compare_groups, to_json
    from ppo_cli.compare.groups import find_groups

    found = find_groups(runs_dir, groups)
    if len(found) == 1:
        raise UsageError(
            f"one group only: {found[0].name}",
            hint=f"name another to compare it with; `ppo show {found[0].runs[0].name}` shows one run",
        )
    comparison = compare_groups(found, metric=metric, threshold=threshold)
    check_scores(comparison)
    if image:
        from ppo_cli.report.compare_plots import comparison_plot

        comparison_plot(image, comparison, kind=curve)
    if json:
        print_json(to_json(comparison) | {"plots": plots_of(image)})
        return
    show_warnings(comparison)
    if csv or markdown:
        from ppo_cli.report.compare_text import comparison_csv, comparison_markdown

        write_stdout(comparison_csv(comparison) if csv else comparison_markdown(comparison))
    else:
        show_comparison(comparison, curve)
    say_plots(image)


def one_format(json: bool, csv: bool, markdown: bool) -> None:
    """Refuse more than one format for stdout.

    Raises:
        UsageError: Two of them are asked for.
    """
    asked = [name for name, on in (("--json", json), ("--csv", csv), ("--markdown", markdown)) if on]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} exclude each other", hint="ask for one of them")


def plot_path(path: Path, *, force: bool) -> Path:
    """The PNG file to be, once it is sure that it and the SVG file beside it can be written.

    Args:
        path: As typed, with or without the ending.
        force: Whether files that are there may be replaced.

    Raises:
        UsageError: matplotlib is not installed, it is no name, a file exists, or there is no such folder.
        StorageError: The folder cannot be written.
    """
    from ppo_cli.report.plotting.figure import require_matplotlib

    require_matplotlib()
    check_folder_of(path, "--plot")
    stem = path.with_suffix("") if path.suffix.lower() in (".png", ".svg") else path
    image = stem.with_name(f"{stem.name}.png")
    for target in (image, image.with_suffix(".svg")):
        check_new_file(target, force=force, option="--plot")
    return image


def check_scores(comparison: Comparison) -> None:
    """Refuse to compare a group whose runs are complete but were never evaluated.

    Raises:
        UsageError: There is such a group.
    """
    for group in comparison.groups:
        complete = [score for score in group.scores if score.status == "completed"]
        if complete and not any(score.counts for score in complete):
            raise UsageError(
                f"{group.name} cannot be compared by {comparison.metric}: {complete[0].run.name}: "
                f"{complete[0].reason}",
                hint="training episodes are compared with --metric rollout/episode_return",
                key="metric",
            )


def plots_of(image: Path | None) -> list[str]:
    """The files of a plot."""
    return [] if image is None else [str(image), str(image.with_suffix(".svg"))]


def say_plots(image: Path | None) -> None:
    """Say on stderr which files were written."""
    from ppo_cli.report.console import stderr_console
    from ppo_cli.report.text import clean

    if image:
        stderr_console().print(clean(f"wrote {' and '.join(plots_of(image))}"), soft_wrap=True)


def show_warnings(comparison: Comparison) -> None:
    """Print what a reader should know on stderr."""
    from ppo_cli.report.console import stderr_console
    from ppo_cli.report.text import clean

    console = stderr_console()
    for warning in comparison.warnings:
        console.print(clean(f"warning: {warning}"), style="yellow", soft_wrap=not console.is_terminal)


def show_comparison(comparison: Comparison, kind: str) -> None:
    """Print the tables, the curves and the verdict.

    Args:
        comparison: The groups.
        kind: ``mean`` or ``iqm``, of the seeds' curves.
    """
    from rich.text import Text

    from ppo_cli.report.compare_columns import legend_text
    from ppo_cli.report.compare_plots import curves_of, metric_name
    from ppo_cli.report.compare_tables import config_table, groups_tables, pairs_table
    from ppo_cli.report.console import is_unicode, stdout_console
    from ppo_cli.report.curve_text import curve_text
    from ppo_cli.report.plotting.curves import CURVES
    from ppo_cli.report.text import clean

    console = stdout_console()
    width, unicode = console.width, is_unicode(console)
    soft = not console.is_terminal
    for table in groups_tables(comparison, width=width, unicode=unicode):
        console.print(table)
        console.print()
    found = {name: CURVES[kind](seeds) for name, seeds in curves_of(comparison).items()}
    curves = {name: curve for name, curve in found.items() if curve is not None}
    if curves:
        colour = console.is_terminal and console.color_system is not None and not console.no_color
        title = f"{metric_name(comparison.metric)}, {kind.replace('iqm', 'IQM')} over seeds"
        console.print(Text(title, style="bold"))
        console.print(
            curve_text(curves, width=width, threshold=comparison.threshold, unicode=unicode, colour=colour)
        )
        console.print()
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
