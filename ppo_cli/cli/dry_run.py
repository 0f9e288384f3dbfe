"""``ppo train --dry-run``: what a training would do, without doing it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.cli.output import print_json, write_stdout
from ppo_cli.report.console import stderr_console
from ppo_cli.report.numbers import count, size
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from ppo_cli.cli.resolve import ResolvedSettings
    from ppo_cli.config import RunConfig

_FLOAT_BYTES = 4
_COPIES = 8  # two checkpoints of parameters and two Adam moments each, and two policies
_ROW_BYTES = 300
_FIXED_BYTES = 20_000


def show_plan(
    settings: ResolvedSettings,
    configs: Sequence[RunConfig],
    runs_dir: Path,
    name: str | None,
    *,
    as_json: bool,
) -> None:
    """Print the resolved settings (stdout) and what the training would take (stderr)."""
    from ppo_cli.config import dump_config

    plan = plan_of(configs, runs_dir, name)
    if as_json:
        print_json({**plan, "config": settings.config.model_dump(), "notices": settings.notices})
        return
    console = stderr_console()
    for message in settings.notices:
        console.print(clean(message), soft_wrap=True)
    each = f"{count(plan['total_timesteps'])} steps in {count(plan['iterations'])} iterations each"
    console.print(
        f"dry run: {plan['num_runs']} run(s), {each}, about {size(plan['disk_bytes'])} of disk",
        soft_wrap=True,
    )
    for run in plan["runs"]:
        console.print(f"  {clean(run)}", soft_wrap=True)
    write_stdout(dump_config(settings.config))


def plan_of(configs: Sequence[RunConfig], runs_dir: Path, name: str | None) -> dict[str, Any]:
    """Steps, iterations, folders and disk space of a training."""
    from ppo_cli.run_names import run_name

    config = configs[0]
    iterations = config.num_iterations
    folders = [str(runs_dir / run_name(c, name, len(configs))) for c in configs]
    disk = _COPIES * _FLOAT_BYTES * num_parameters(config) + _ROW_BYTES * iterations + _FIXED_BYTES
    return {
        "num_runs": len(configs),
        "seeds": [c.seed for c in configs],
        "total_timesteps": config.total_timesteps,
        "iterations": iterations,
        "runs": folders,
        "disk_bytes": disk * len(configs),
    }


def num_parameters(config: RunConfig) -> int:
    """Parameters of actor and critic together."""
    from ppo_cli.envs.factory import env_spec

    spec = env_spec(config.env_id, config.env_kwargs)
    widths = [spec.obs_size, *config.network.hidden_sizes]
    hidden = sum((below + 1) * above for below, above in itertools.pairwise(widths))
    heads = (widths[-1] + 1) * (spec.action.size + 1)
    return 2 * hidden + heads + (spec.action.size if spec.action.kind == "box" else 0)
