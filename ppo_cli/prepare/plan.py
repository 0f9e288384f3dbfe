"""Plan a training without doing it: its folders, steps and disk space. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ppo_cli.config.schema import RunConfig
from ppo_cli.prepare.footprint import disk_bytes
from ppo_cli.prepare.try_environment import try_environment
from ppo_cli.runs.names import run_name


def training_plan(configs: Sequence[RunConfig], runs_dir: Path, name: str | None) -> dict[str, Any]:
    """Steps, iterations, folders and disk space of a training.

    Args:
        configs: One per run, equal but for their seeds.
        runs_dir: Where runs are.
        name: Name of the run, or beginning of the names when there are several; None for the default.

    Raises:
        UsageError: It is no name, or the environment cannot be had.
    """
    config = configs[0]
    try_environment(config)
    return {
        "num_runs": len(configs),
        "seeds": [member.seed for member in configs],
        "total_timesteps": config.total_timesteps,
        "iterations": config.num_iterations,
        "runs": [str(runs_dir / run_name(member, name, len(configs))) for member in configs],
        "disk_bytes": disk_bytes(config) * len(configs),
    }
