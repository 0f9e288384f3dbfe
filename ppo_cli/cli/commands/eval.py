"""``ppo eval``: play a trained policy and report its return."""

from __future__ import annotations

from typing import Annotated

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json

Episodes = Annotated[int, typer.Option("--episodes", min=1, max=100_000, help="Number of fresh episodes.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the start states.")]
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
    from ppo_cli.envs.consent import agree_to_run
    from ppo_cli.runs.reading import read_config
    from ppo_cli.runs.run_dir import find_run

    found = find_run(runs_dir, run)
    config = read_config(found)
    agree_to_run(config, allow_import=allow_import)
    from ppo_cli.play.evaluate import evaluate_run
    from ppo_cli.report.console import is_unicode, stdout_console
    from ppo_cli.report.dashboard import evaluation_text
    from ppo_cli.report.numbers import number
    from ppo_cli.report.tables import evaluation_table

    stats = evaluate_run(found, episodes=episodes, seed=seed, best=best, deterministic=not stochastic)
    if json:
        about = {"run_dir": str(found.path), "env_id": config.env_id, "seed": seed, "best": best}
        print_json({**about, **stats.to_json(), "returns": list(stats.returns)})
        return
    console = stdout_console()
    rows = [
        ("run", str(found.path)),
        ("policy", "best" if best else "last"),
        ("return", evaluation_text(stats, unicode=is_unicode(console))),
        ("std", number(stats.std)),
        ("range", f"{number(stats.min)} to {number(stats.max)}"),
        ("length", number(stats.mean_length)),
        ("episodes", stats.episodes),
    ]
    console.print(evaluation_table(rows))
