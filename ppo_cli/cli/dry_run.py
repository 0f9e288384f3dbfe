"""``ppo train --dry-run``: what a training would do, without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.cli.terminal.output import print_json, write_stdout
from ppo_cli.report.console import stderr_console
from ppo_cli.report.numbers import count, size
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.prepare.resolve import ResolvedSettings


def show_plan(
    settings: ResolvedSettings,
    configs: Sequence[RunConfig],
    runs_dir: Path,
    name: str | None,
    *,
    as_json: bool,
) -> None:
    """Print the resolved settings (stdout) and what the training would take (stderr)."""
    from ppo_cli.config.dump import dump_config
    from ppo_cli.config.values import used_settings

    plan = plan_of(configs, runs_dir, name)
    if as_json:
        print_json({**plan, "config": used_settings(settings.config), "notices": settings.notices})
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
    from ppo_cli.prepare.footprint import disk_bytes
    from ppo_cli.runs.names import run_name

    config = configs[0]
    folders = [str(runs_dir / run_name(c, name, len(configs))) for c in configs]
    return {
        "num_runs": len(configs),
        "seeds": [c.seed for c in configs],
        "total_timesteps": config.total_timesteps,
        "iterations": config.num_iterations,
        "runs": folders,
        "disk_bytes": disk_bytes(config) * len(configs),
    }
