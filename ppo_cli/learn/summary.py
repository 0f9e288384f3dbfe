"""``summary.json``: how a run ended, by what it was made, and how to repeat it."""

from __future__ import annotations

import functools
import hashlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from ppo_cli import __version__
from ppo_cli.learn.population import Member
from ppo_cli.runs.eval_stats import EvalStats
from ppo_cli.storage.files import read_file
from ppo_cli.storage.tensor_file import MAX_FILE_BYTES, decode_tensors

PACKAGES = ("torch", "numpy", "gymnasium", "Box2D")


def run_summary(
    member: Member,
    *,
    status: str,
    reason: str | None,
    global_step: int,
    wall_time: float,
    steps_per_second: float,
    final: EvalStats | None,
    best_return: float | None,
) -> dict[str, Any]:
    """The summary of one run.

    Args:
        member: The run.
        status: ``training``, ``completed``, ``interrupted`` or ``diverged``.
        reason: Why it stopped, where it did.
        global_step: Environment steps done.
        wall_time: Seconds of training, earlier sessions included.
        steps_per_second: Of all members of its population together.
        final: Evaluation of the last policy on fresh episodes, when the run is complete.
        best_return: Best mean return of an evaluation during training.
    """
    config = member.config
    return {
        "run_dir": str(member.run_dir.path) if member.run_dir else None,
        "env_id": config.env_id,
        "env_id_requested": member.env_requested or config.env_id,
        "algorithm": config.algorithm,
        "seed": config.seed,
        "status": status,
        "reason": reason,
        "global_step": global_step,
        "total_timesteps": config.total_timesteps,
        "wall_time": wall_time,
        "steps_per_second": steps_per_second,
        "eval": None if final is None else final.to_json(),
        "best_eval_during_training": best_return,
        "reward_model": _reward_model(member),
        "command": member.command,
        "git_commit": git_commit(),
        "versions": versions(),
    }


def _reward_model(member: Member) -> dict[str, Any] | None:
    """Which reward the run learned from in place of the environment's, and what its teacher judged by."""
    if not member.config.learns_reward or member.run_dir is None:
        return None
    data = read_file(member.run_dir.reward_model_path, MAX_FILE_BYTES)
    _, about = decode_tensors(data, member.run_dir.reward_model_path)
    sha256 = hashlib.sha256(data).hexdigest()
    name = member.config.learning.reward_model
    return {"name": name, "judged_by": about.get("judged_by"), "sha256": sha256}


@functools.cache
def versions() -> dict[str, str]:
    """What a result depends on: this program, its libraries, the machine. Equal ones give equal bits."""
    found = {"ppo-cli": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    found["cpu_capability"] = torch.backends.cpu.get_cpu_capability()
    return found


@functools.cache
def git_commit() -> str | None:
    """The commit of the working directory, ``-dirty`` when it was changed; None outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        result = subprocess.run(
            command, cwd=Path.cwd(), capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None
