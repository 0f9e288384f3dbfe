"""Options and arguments that several commands share, each written once."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ppo_cli.config.algorithms import ALGORITHMS


def complete_run(incomplete: str) -> list[str]:
    """Names of run folders for shell completion. Reads one directory and imports nothing."""
    try:
        with os.scandir(os.environ.get("PPO_RUNS_DIR") or "runs") as entries:
            names = sorted(
                entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")
            )
    except OSError:
        names = []
    return [name for name in [*names, "latest"] if name.startswith(incomplete)]


RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A path, a name under the runs folder, the unique beginning of one, or `latest`.",
        autocompletion=complete_run,
        show_default=False,
    ),
]
RunsDir = Annotated[
    Path,
    typer.Option("--runs-dir", envvar="PPO_RUNS_DIR", metavar="DIR", help="The folder that holds the runs."),
]
DEFAULT_RUNS_DIR = Path("runs")

EnvOption = Annotated[
    str | None,
    typer.Option(
        "--env", metavar="ID", help="Environment, with its tuned settings: CartPole-v1, my_module:MyEnv-v0."
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="YAML file of settings; a run's config.yaml will do."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Set one setting; repeatable. `ppo config --explain` lists them."
    ),
]
_ALGORITHM_NAMES = " or ".join(filter(None, (", ".join([*ALGORITHMS][:-1]), [*ALGORITHMS][-1])))
AlgorithmOption = Annotated[
    str | None,
    typer.Option(
        "--algorithm",
        metavar="NAME",
        help=f"{_ALGORITHM_NAMES}, with its tuned settings (default: the setting's).",
    ),
]
AllowImport = Annotated[
    bool,
    typer.Option(
        "--allow-import", help="Import the user modules that a file or run names; importing runs their code."
    ),
]


def command_line(ctx: typer.Context) -> str:
    """The command line as a shell takes it."""
    return shlex.join(["ppo", *(ctx.obj or [ctx.info_name or ""])])


def whole_number(text: str | int) -> int:
    """A positive whole number as people write them.

    >>> whole_number("1e6"), whole_number("100_000")
    (1000000, 100000)
    """
    try:
        value = float(text)
        if value < 1 or value != int(value):
            raise ValueError
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is not a whole number of at least 1") from None
    return int(value)


Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress; warnings are still shown.")]
