"""``ppo compare``: which group of runs is better, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from ppo_cli.cli.comparing.plot import draw, plot_path
from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json, write_stdout
from ppo_cli.errors import UsageError

Groups = Annotated[
    list[str],
    typer.Argument(
        metavar="GROUP...",
        help="Runs, sweeps, SWEEP/POINT, the beginning of runs of several seeds, globs; or NAME=any.",
        autocompletion=options.complete_run,
        show_default=False,
    ),
]
Null = Annotated[
    list[str] | None,
    typer.Option(
        "--null",
        metavar="GROUP",
        help="Print these beside the others: runs of reward_model=constant or =random; repeatable.",
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
    null: Null = None,
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
      ppo compare learned --null null-constant --null null-random
    """
    _refuse_two_formats({"--json": json, "--csv": csv, "--markdown": markdown})
    image = None if plot is None else plot_path(plot, force=force)
    from ppo_cli.api.compare import comparison_of
    from ppo_cli.comparison.comparison import to_json

    comparison = comparison_of(
        [*groups, *(null or [])], metric=metric, threshold=threshold, runs_dir=runs_dir
    )
    plots = [] if image is None else draw(image, comparison, curve)
    if json:
        print_json(to_json(comparison) | {"plots": plots})
        return
    from ppo_cli.cli.comparing.screen import print_comparison, print_warnings, say_plots

    print_warnings(comparison)
    if csv or markdown:
        from ppo_cli.report.compare_text import comparison_csv, comparison_markdown

        write_stdout(comparison_csv(comparison) if csv else comparison_markdown(comparison))
    else:
        print_comparison(comparison, curve)
    say_plots(plots)


def _refuse_two_formats(formats: Mapping[str, bool]) -> None:
    asked = [name for name, on in formats.items() if on]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} exclude each other", hint="ask for one of them")
