"""``ppo reward-model``: fit a reward model to a preference set, and say how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ppo_cli.cli.comparing.plot import plot_path
from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json
from ppo_cli.cli.terminal.signals import stop_signals
from ppo_cli.config.choices import MAX_SEED

SetName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A path, a name under the runs folder, the unique beginning of one, or `latest`.",
        autocompletion=options.complete_run,
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=MAX_SEED, help="Seed of the fit.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="network=transformer, members, hidden_sizes, potential, learning_rate, weight_decay, "
        "noise_floor, margin, centring and more; repeatable.",
    ),
]
Curve = Annotated[bool, typer.Option("--curve", help="Also fit 25, 50, 100... comparisons: what more bring.")]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot", metavar="PATH", help="Write PATH.png and PATH.svg: predicted against true returns."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the plot if it exists.")]


def reward_model_command(
    name: SetName,
    seed: Seed = 1,
    overrides: Set = None,
    curve: Curve = False,
    plot: Plot = None,
    force: Force = False,
    runs_dir: options.RunsDir = DEFAULT_RUNS_DIR,
    allow_import: options.AllowImport = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    r"""Fit a reward model to the comparisons of a preference set, and say how good it is.

    Accuracy is by episodes that a member of the ensemble had not seen. A fit that was stopped goes on with
    the same command; one that is there is shown.

    \b
    Examples:
      ppo reward-model mine
      ppo reward-model mine --curve --plot mine
      ppo reward-model mine --set network=transformer --set noise_floor=0.05 --json
    """
    image = None if plot is None else plot_path(plot, force=force)
    from ppo_cli.api.reward_model import fit_reward_model
    from ppo_cli.report.console import stderr_console, stdout_console
    from ppo_cli.report.preferences import curve_table, fit_rows, fit_words
    from ppo_cli.report.tables import evaluation_table

    def notice(text: str) -> None:
        stderr_console().print(text, soft_wrap=True, markup=False)

    with stop_signals() as stop:
        report = fit_reward_model(
            name,
            seed=seed,
            settings=overrides or [],
            settings_label="--set",
            curve=curve,
            runs_dir=runs_dir,
            allow_import=allow_import,
            stop=stop,
            notice=notice,
        )
    if report is None:
        notice("stopped; the same command goes on")
        raise typer.Exit(stop.exit_code)
    plots: list[Path] = []
    if image is not None:
        from ppo_cli.report.plotting.reward_model import fit_figure

        plots = list(fit_figure(image, report))
    if json:
        print_json(report | {"plots": [str(path) for path in plots]})
        return
    console = stdout_console()
    console.print(evaluation_table(fit_rows(report)))
    if curve:
        console.print()
        console.print(curve_table(report["curve"]))
    if not quiet:
        for text in fit_words(report):
            notice(text)
        for path in plots:
            notice(f"wrote {path}")
