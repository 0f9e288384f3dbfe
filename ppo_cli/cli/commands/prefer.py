"""``ppo prefer``: make a preference set, answered by a synthetic teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json
from ppo_cli.cli.terminal.signals import stop_signals
from ppo_cli.config.choices import MAX_SEED
from ppo_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

Runs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN...",
        help="Runs whose policies play: at the ages that were kept (keep_policies), or the last one.",
        autocompletion=options.complete_run,
        show_default=False,
    ),
]
Name = Annotated[
    str, typer.Option("--name", help="Name of the set; one that is there goes on.", show_default=False)
]
Teacher = Annotated[Literal["synthetic"], typer.Option("--teacher", help="Who answers.")]
Pairs = Annotated[
    int,
    typer.Option(
        "--pairs", metavar="N", min=1, max=200_000, help="Comparisons that are to be there in the end."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=MAX_SEED, help="Seed of a new set.")]
Random = Annotated[bool, typer.Option("--random", help="Let an untrained agent play too.")]
SameStart = Annotated[bool, typer.Option("--same-start", help="Begin both clips of a pair in one state.")]
Undo = Annotated[
    int | None, typer.Option("--undo", metavar="ID", help="Take the answer of this number back; ask nothing.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="reward, mistake, rationality, discount, skip, equal, length, at_end, repeat; repeatable.",
    ),
]


def prefer_command(
    name: Name,
    runs: Runs = None,
    teacher: Teacher = "synthetic",
    pairs: Pairs = 300,
    seed: Seed = 1,
    env: options.EnvOption = None,
    random: Random = False,
    same_start: SameStart = False,
    overrides: Set = None,
    undo: Undo = None,
    runs_dir: options.RunsDir = DEFAULT_RUNS_DIR,
    allow_import: options.AllowImport = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    r"""Compare clips of episodes, two at a time: a preference set, which a reward model can be fitted to.

    The same command again adds only what is missing. A clip is kept as a seed and actions, and played again
    before it is used.

    \b
    Examples:
      ppo prefer latest --random --name mine --teacher synthetic --pairs 300
      ppo prefer CartPole-v1-ppo-clip-s1 --name right --set reward=hold-right --same-start
      ppo prefer A B --name noisy --set mistake=0.1 --set equal=0.1
      ppo prefer --name noisy --undo 17
    """
    if undo is not None:
        if runs:
            raise UsageError(
                "--undo asks nothing, so it takes no runs", hint=f"ppo prefer --name {name} --undo {undo}"
            )
        from ppo_cli.api.prefer import undo as take_back

        show(take_back(name, undo, runs_dir=runs_dir), as_json=json)
        return
    from ppo_cli.api.prefer import prefer
    from ppo_cli.report.console import stderr_console

    console = stderr_console()

    def progress(count: int) -> None:
        if not quiet:
            console.print(f"{count} of {pairs} comparisons", soft_wrap=True)

    with stop_signals() as stop:
        document = prefer(
            *(runs or []),
            name=name,
            pairs=pairs,
            seed=seed,
            env=env,
            random=random,
            same_start=same_start or None,
            settings=overrides or [],
            settings_label="--set",
            runs_dir=runs_dir,
            allow_import=allow_import,
            stop=stop,
            progress=progress,
        )
        show(document, as_json=json)
    raise typer.Exit(stop.exit_code)


def show(document: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what a set is."""
    if as_json:
        print_json(document)
        return
    from ppo_cli.report.console import stdout_console
    from ppo_cli.report.preferences import set_rows
    from ppo_cli.report.tables import evaluation_table

    stdout_console().print(evaluation_table(set_rows(document)))
