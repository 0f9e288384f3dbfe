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

from ppo_cli.kernels.library import Library, available
from ppo_cli.learn.population import Member
from ppo_cli.runs.eval_stats import EvalStats
from ppo_cli.storage.files import read_file
from ppo_cli.storage.tensor_file import MAX_FILE_BYTES, decode_tensors
from ppo_cli.version import __version__

PACKAGES = ("torch", "numpy", "gymnasium", "Box2D")
NO_MATTER = ("instruction_set",)
"""What of :func:`versions` no bit depends on."""


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
        "engine": "compiled" if config.compute.engine == "compiled" else "torch",
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
        "versions": versions(config.compute.engine),
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
def versions(engine: str) -> dict[str, str]:
    """Collect what the bits of a result depend on: versions of this program, its libraries, the machine.

    Of the compiled kernels: the hash of their sources, and which build it is, though all give the same bits.
    """
    by_name = {"ppo-cli": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            by_name[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    by_name["cpu_capability"] = torch.backends.cpu.get_cpu_capability()
    library = available() if engine == "compiled" else ""
    if isinstance(library, Library):
        by_name |= {"kernels": library.sources, "instruction_set": library.instruction_set}
    return by_name


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
