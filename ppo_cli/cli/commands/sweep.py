"""``ppo sweep``: study a setting with several values and several seeds of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.signals import stop_signals
from ppo_cli.config.choices import MAX_SEED
from ppo_cli.errors import UsageError

SweepFile = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="A sweep as a YAML file, such as those in configs/sweeps."),
]
Params = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME[=VALUES]",
        help="What to sweep: NAME (its standard grid), NAME=v1,v2, NAME=lo..hi[:log][:count]; repeatable.",
    ),
]
Zip = Annotated[
    bool | None,
    typer.Option("--zip/--product", help="Pair the values of several --param instead of combining them."),
]
Seeds = Annotated[
    int | None, typer.Option("--seeds", min=1, max=1000, help="Seeds for each point (default: 5).")
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, max=MAX_SEED, help="The first seed (default: the setting's).")
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--total-timesteps", metavar="N", parser=options.whole_number, help="Environment steps of each run."
    ),
]
Search = Annotated[
    Literal["grid", "random", "tpe"] | None,
    typer.Option("--search", metavar="KIND", help="grid, random or tpe (default: grid)."),
]
Trials = Annotated[
    int | None, typer.Option("--trials", min=1, max=10_000, help="Points that a search tries.")
]
Prune = Annotated[
    bool | None,
    typer.Option(
        "--prune/--no-prune", help="Stop the worse half of the points at 1/8, 1/4 and 1/2 of the steps."
    ),
]
Confirm = Annotated[
    int | None,
    typer.Option(
        "--confirm",
        min=0,
        max=1000,
        help="Held-out seeds on which the best point is trained again (default: 3).",
    ),
]
Resume = Annotated[
    str | None,
    typer.Option("--resume", metavar="SWEEP", help="Go on with a sweep; what is done is not trained again."),
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Try again what diverged or failed before.")
]
Name = Annotated[
    str | None,
    typer.Option("--name", help="Name of the sweep's folder (default: environment and parameters)."),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", min=1, max=1024, help="Populations trained side by side (default: one per core)."
    ),
]
MaxMembers = Annotated[
    int | None, typer.Option("--max-members", min=1, max=10_000, help="The most runs in one population.")
]
MaxMemory = Annotated[
    float | None,
    typer.Option(
        "--max-memory",
        metavar="GB",
        min=0.1,
        help="Memory of all populations together (default: half of what is free).",
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=5,
        help="A worker that gives no sign of life for so long is replaced.",
    ),
]
ExecutorName = Annotated[
    str, typer.Option("--executor", metavar="NAME", help="Who trains: local, or ray for a Ray cluster.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address", metavar="ADDRESS", help="The Ray cluster: `auto` or HOST:PORT (default: start one)."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show points, runs, populations, time and disk; train nothing.")
]


def sweep_command(
    ctx: typer.Context,
    sweep_file: SweepFile = None,
    env: options.EnvOption = None,
    config: options.ConfigFile = None,
    overrides: options.Overrides = None,
    params: Params = None,
    zipped: Zip = None,
    seeds: Seeds = None,
    seed: Seed = None,
    total_timesteps: Steps = None,
    algorithm: options.AlgorithmOption = None,
    search: Search = None,
    trials: Trials = None,
    prune: Prune = None,
    confirm: Confirm = None,
    name: Name = None,
    resume: Resume = None,
    retry_failed: RetryFailed = False,
    runs_dir: options.RunsDir = DEFAULT_RUNS_DIR,
    executor: ExecutorName = "local",
    ray_address: RayAddress = None,
    workers: Workers = None,
    max_members: MaxMembers = None,
    max_memory: MaxMemory = None,
    timeout: Timeout = 300.0,
    allow_import: options.AllowImport = False,
    dry_run: DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    r"""Study a setting: train several values of it with several seeds each, and say what they show.

    The same command again trains only what is missing; more values or seeds extend the sweep. Ctrl-C stops
    with checkpoints. The best point is trained again on held-out seeds before it is announced.

    \b
    Examples:
      ppo sweep --env LunarLander-v2 --param eps_clip
      ppo sweep --env CartPole-v1 --param learning_rate=1e-4..1e-2:log:5 --param gamma=0.98,0.99 --seeds 3
      ppo sweep --env CartPole-v1 --param learning_rate=1e-4..1e-2:log --search tpe --trials 30 --prune
      ppo sweep configs/sweeps/eps-clip-lunarlander.yaml
      ppo sweep --resume LunarLander-v3-eps_clip --retry-failed
    """
    from ppo_cli.api import sweep as api
    from ppo_cli.cli.sweeping.dry_run import show_dry_run
    from ppo_cli.cli.sweeping.progress import terminal_hooks
    from ppo_cli.cli.sweeping.results import exit_code, show_sweep
    from ppo_cli.sweeps.running.session import SessionOptions
    from ppo_cli.sweeps.spec.request import Design, SweepRequest
    from ppo_cli.sweeps.work.registry import ExecutorOptions

    executor_options = ExecutorOptions(executor, ray_address, workers, timeout)
    session = SessionOptions(executor_options, max_members, max_memory, allow_import, retry_failed)
    design = Design(zipped, seeds, search, trials, prune, confirm)
    typed = {"seed": seed, "total_timesteps": total_timesteps, "algorithm": algorithm}
    values = {key: value for key, value in typed.items() if value is not None}
    request = SweepRequest(
        env, config, overrides or (), values, params or (), design, sweep_file, allow_import
    )
    with stop_signals() as stop:
        hooks = terminal_hooks(ctx, stop, quiet=quiet)
        if resume is not None:
            if not request.asks_for_nothing or name is not None or dry_run:
                raise UsageError(TAKES_NO_SETTINGS, hint=TO_EXTEND)
            document = api.resume_sweep(resume, runs_dir=runs_dir, options=session, hooks=hooks)
        elif not (sweep_file or params):
            raise UsageError("nothing to sweep", hint=WHAT_TO_DO)
        elif dry_run:
            plan = api.plan_sweep(request, name=name, runs_dir=runs_dir, options=session, hooks=hooks)
            show_dry_run(plan, as_json=json)
            return
        else:
            document = api.run_sweep(request, name=name, runs_dir=runs_dir, options=session, hooks=hooks)
        go_on = api.resume_command(document["sweep_dir"])
        show_sweep(document, stopped=stop(), resume=go_on, quiet=quiet, as_json=json)
    raise typer.Exit(exit_code(document, stop))


TAKES_NO_SETTINGS = "--resume goes on with a sweep as it is, and takes no settings"
TO_EXTEND = "to extend it, give the command that began it with more values, seeds or trials"
WHAT_TO_DO = (
    "try `ppo sweep --env CartPole-v1 --param learning_rate`, `ppo sweep FILE` or "
    "`ppo sweep --resume SWEEP`; "
    "`ppo config --explain` lists what can be swept"
)
