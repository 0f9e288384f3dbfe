"""``ppo eval``: play a trained policy and report its return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json
from ppo_cli.config.choices import MAX_SEED

Episodes = Annotated[int, typer.Option("--episodes", min=1, max=100_000, help="Number of fresh episodes.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=MAX_SEED, help="Seed of the start states.")]
Best = Annotated[
    bool, typer.Option("--best", help="Take the policy with the best evaluation, not the last one.")
]
Stochastic = Annotated[
    bool, typer.Option("--stochastic", help="Draw actions, not the most likely one each time.")
]


def eval_command(
    run: options.RunArgument,
    episodes: Episodes = 100,
    seed: Seed = 0,
    best: Best = False,
    stochastic: Stochastic = False,
    runs_dir: options.RunsDir = DEFAULT_RUNS_DIR,
    allow_import: options.AllowImport = False,
    json: options.Json = False,
) -> None:
    r"""Play a trained policy and report the return by the environment's own reward.

    \b
    Examples:
      ppo eval latest
      ppo eval LunarLander-v3-ppo-clip-s1 --episodes 500 --best --json
    """
    from ppo_cli.api.evaluate import evaluate
    from ppo_cli.report.console import is_unicode, stdout_console
    from ppo_cli.report.tables import evaluation_table

    document = evaluate(
        run,
        episodes=episodes,
        seed=seed,
        best=best,
        stochastic=stochastic,
        runs_dir=runs_dir,
        allow_import=allow_import,
    )
    if json:
        print_json(document)
        return
    console = stdout_console()
    console.print(evaluation_table(_rows(document, unicode=is_unicode(console))))


def _rows(document: Mapping[str, Any], *, unicode: bool) -> list[tuple[str, object]]:
    """An evaluation as names and values."""
    from ppo_cli.report.numbers import number
    from ppo_cli.report.tables import eval_text

    cut = document["cut"]
    return [
        ("run", document["run_dir"]),
        ("policy", "best" if document["best"] else "last"),
        ("return", eval_text(document, unicode=unicode)),
        ("std", number(document["std"])),
        ("range", f"{number(document['min'])} to {number(document['max'])}"),
        ("length", number(document["mean_length"])),
        (
            "episodes",
            f"{document['episodes']}, {cut} of them cut off without a time limit"
            if cut
            else document["episodes"],
        ),
    ]
