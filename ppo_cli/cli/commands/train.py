"""``ppo train``: train one run, several seeds of it, or go on with stopped ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.signals import stop_signals
from ppo_cli.errors import UsageError

if TYPE_CHECKING:
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.learn.population import Population
    from ppo_cli.prepare.resolve import ResolvedSettings

Resume = Annotated[
    list[str] | None,
    typer.Option("--resume", metavar="RUN", help="Go on where RUN stopped, bit for bit; repeatable."),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, max=2**32 - 1, help="The run's seed (default: the setting's).")
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
    typed = {"seed": seed, "total_timesteps": total_timesteps, "algorithm": algorithm}
    values = {key: value for key, value in typed.items() if value is not None}
    with stop_signals() as stop:
        if resume:
            _refuse_with_resume(
                env=env,
                config=config,
                set=overrides,
                seed=seed,
                algorithm=algorithm,
                name=name,
                from_sweep=from_sweep,
                point=point,
            )
            if seeds > 1 or dry_run:
                raise UsageError("--resume cannot be combined with --seeds or --dry-run")
            populations = resumed(resume, runs_dir, total_timesteps, allow_import=allow_import)
            notices: tuple[str, ...] = ()
        else:
            if from_sweep is not None:
                _refuse_together("--from-sweep", env=env, config=config, set=overrides)
                from ppo_cli.cli.from_sweep import BEST, settings_from_sweep

                settings = settings_from_sweep(
                    from_sweep, point or BEST, runs_dir, values=values, allow_import=allow_import
                )
            else:
                _refuse_together("a training without --from-sweep", point=point)
                settings = _typed_settings(env, config, overrides or (), values, allow_import)
            configs = with_seeds(settings.config, seeds)
            if dry_run:
                from ppo_cli.cli.dry_run import show_plan

                show_plan(settings, configs, runs_dir, name, as_json=json)
                return
            populations = prepared(settings, configs, runs_dir, name, ctx)
            notices = settings.notices
        from ppo_cli.cli.training import Training

        code = Training(
            populations, notices, stop, allow_import=allow_import, quiet=quiet, as_json=json
        ).run()
    raise typer.Exit(code)


WHAT_TO_DO = (
    "try `ppo train --env CartPole-v1` (some seconds), `ppo train --config FILE` "
    "or `ppo train --resume RUN`; `ppo envs` lists environments"
)


def _typed_settings(
    env: str | None, config: Path | None, overrides: Sequence[str], values: dict[str, Any], allow_import: bool
) -> ResolvedSettings:
    if not (env or config or overrides):
        raise UsageError("nothing to train", hint=WHAT_TO_DO)
    from ppo_cli.prepare.resolve import resolve_settings

    return resolve_settings(env, config, overrides, values=values, allow_import=allow_import)


def with_seeds(config: RunConfig, seeds: int) -> list[RunConfig]:
    """The configs of ``seeds`` runs whose seeds count up from the config's own."""
    from ppo_cli.config.resolve import with_values

    return [with_values(config, {"seed": config.seed + index}) for index in range(seeds)]


def prepared(
    settings: ResolvedSettings, configs: list[RunConfig], runs_dir: Path, name: str | None, ctx: typer.Context
) -> list[Population]:
    """The populations of new runs, with their folders."""
    import shlex

    from ppo_cli.prepare.launch import prepare_new

    command = shlex.join(["ppo", *(ctx.obj or [ctx.info_name or ""])])
    return prepare_new(
        configs, runs_dir=runs_dir, name=name, env_requested=settings.env_requested, command=command
    )


def resumed(
    refs: list[str], runs_dir: Path, total_timesteps: int | None, *, allow_import: bool
) -> list[Population]:
    """The populations of stopped runs. Their modules are imported only with ``allow_import``."""
    from ppo_cli.envs.consent import agree_to_run
    from ppo_cli.runs.reading import read_config
    from ppo_cli.runs.run_dir import find_run

    for ref in refs:
        agree_to_run(read_config(find_run(runs_dir, ref)), allow_import=allow_import)
    from ppo_cli.prepare.launch import prepare_resume

    return prepare_resume(refs, runs_dir=runs_dir, total_timesteps=total_timesteps)


def _refuse_with_resume(**typed: Any) -> None:
    """A resumed run keeps its settings."""
    hint = "a resumed run keeps its settings; only --total-timesteps may change, to extend it"
    _refuse_together("--resume", hint=hint, **typed)


def _refuse_together(option: str, *, hint: str | None = None, **typed: Any) -> None:
    """Refuse options that were given beside another one."""
    given = [
        f"--{name.replace('_', '-')}" for name, value in typed.items() if value is not None and value != []
    ]
    if given:
        raise UsageError(f"{option} cannot be combined with {', '.join(given)}", hint=hint)
