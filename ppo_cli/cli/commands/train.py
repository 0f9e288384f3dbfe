"""``ppo train``: train one run, several seeds of it, or go on with stopped ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.refusals import refuse_together
from ppo_cli.cli.terminal.signals import stop_signals
from ppo_cli.config.choices import MAX_SEED
from ppo_cli.errors import UsageError

if TYPE_CHECKING:
    from ppo_cli.prepare.resolve import ResolvedSettings

Resume = Annotated[
    list[str] | None,
    typer.Option("--resume", metavar="RUN", help="Go on where RUN stopped, bit for bit; repeatable."),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, max=MAX_SEED, help="The run's seed (default: the setting's).")
]
Seeds = Annotated[
    int, typer.Option("--seeds", min=1, max=1000, help="How many seeds to train together, from --seed up.")
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--total-timesteps",
        metavar="N",
        parser=options.whole_number,
        help="Environment steps of each run; extends a resumed run.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", help="Name of the run folder (default: environment, algorithm and seed)."),
]
FromSweep = Annotated[
    str | None,
    typer.Option("--from-sweep", metavar="SWEEP", help="Train with the settings of a point of a sweep."),
]
PointLabel = Annotated[
    str | None,
    typer.Option(
        "--point", metavar="LABEL", help="Which point of the sweep: `best` (default), or its label."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show settings, steps and disk space; train nothing.")
]


def train_command(
    ctx: typer.Context,
    env: options.EnvOption = None,
    config: options.ConfigFile = None,
    overrides: options.Overrides = None,
    seed: Seed = None,
    seeds: Seeds = 1,
    total_timesteps: Steps = None,
    algorithm: options.AlgorithmOption = None,
    name: Name = None,
    resume: Resume = None,
    from_sweep: FromSweep = None,
    point: PointLabel = None,
    runs_dir: options.RunsDir = DEFAULT_RUNS_DIR,
    allow_import: options.AllowImport = False,
    dry_run: DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    r"""Train an agent and write a run folder.

    Ctrl-C stops at the end of the iteration with a checkpoint and prints the command that goes on from there.

    \b
    Examples:
      ppo train --env LunarLander-v2
      ppo train --config my.yaml --set eps_clip=0.3 --seed 7
      ppo train --env CartPole-v1 --seeds 5
      ppo train --resume latest --total-timesteps 2e6
      ppo train --from-sweep LunarLander-v3-eps_clip --seeds 10
    """
    from ppo_cli.api.train import train
    from ppo_cli.cli.training.progress import terminal_hooks
    from ppo_cli.cli.training.results import exit_code, show_training

    typed = {"seed": seed, "total_timesteps": total_timesteps, "algorithm": algorithm}
    values: dict[str, Any] = {key: value for key, value in typed.items() if value is not None}
    source = {"--env": env, "--config": config, "--set": overrides or None}
    with stop_signals() as stop:
        hooks = terminal_hooks(ctx, stop, quiet=quiet)
        if resume:
            new = {"--seeds": seeds if seeds > 1 else None, "--dry-run": dry_run or None, "--name": name}
            chosen = {"--from-sweep": from_sweep, "--point": point, "--seed": seed, "--algorithm": algorithm}
            refuse_together("--resume", {**source, **chosen, **new}, hint=KEEPS_ITS_SETTINGS)
            runs = train(resume=resume, runs_dir=runs_dir, allow_import=allow_import, hooks=hooks, **values)
        else:
            if from_sweep is not None:
                refuse_together("--from-sweep", source)
                settings = _settings_of_point(from_sweep, point, runs_dir, values, allow_import)
            else:
                refuse_together("a training without --from-sweep", {"--point": point})
                settings = _typed_settings(env, config, overrides or (), values, allow_import)
            if dry_run:
                _show_plan(settings, seeds, runs_dir, name, as_json=json)
                return
            runs = train(
                config=settings,
                seeds=seeds,
                name=name,
                runs_dir=runs_dir,
                allow_import=allow_import,
                hooks=hooks,
            )
        show_training(runs, quiet=quiet, as_json=json)
    raise typer.Exit(exit_code(runs, stop))


KEEPS_ITS_SETTINGS = "a resumed run keeps its settings; only --total-timesteps may change, to extend it"
WHAT_TO_DO = (
    "try `ppo train --env CartPole-v1` (some seconds), `ppo train --config FILE` "
    "or `ppo train --resume RUN`; `ppo envs` lists environments"
)


def _typed_settings(
    env: str | None, config: Path | None, overrides: Sequence[str], values: dict[str, Any], allow_import: bool
) -> ResolvedSettings:
    """Resolve the settings that were typed."""
    if not (env or config or overrides):
        raise UsageError("nothing to train", hint=WHAT_TO_DO)
    from ppo_cli.prepare.resolve import resolve_settings

    return resolve_settings(env, config, overrides, values=values, allow_import=allow_import)


def _settings_of_point(
    sweep: str, point: str | None, runs_dir: Path, values: dict[str, Any], allow_import: bool
) -> ResolvedSettings:
    """Resolve the settings of a point of a sweep."""
    from ppo_cli.sweeps.results.point_settings import BEST, settings_of_point

    return settings_of_point(sweep, point or BEST, runs_dir, values=values, allow_import=allow_import)


def _show_plan(
    settings: ResolvedSettings, seeds: int, runs_dir: Path, name: str | None, *, as_json: bool
) -> None:
    """Show what a training would do, for ``--dry-run``."""
    from ppo_cli.api.train import with_seeds
    from ppo_cli.cli.training.dry_run import show_plan
    from ppo_cli.prepare.plan import training_plan

    plan = training_plan(with_seeds(settings.config, seeds), runs_dir, name)
    show_plan(settings, plan, as_json=as_json)
