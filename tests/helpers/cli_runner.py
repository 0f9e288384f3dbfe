"""Running ``ppo`` as its users do, in a process of its own or, much faster, in this one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.waiting import PATIENCE, wait_until
from ppo_cli.cli import app
from ppo_cli.cli.terminal.errors import run

ROOT = Path(__file__).parents[2]
# 64 steps per iteration, no evaluations: as fast as a training can be.
TINY = (
    "--env", "CartPole-v1", "--total-timesteps", "128", "--set", "num_envs=2", "--set", "num_steps=32",
    "--set", "num_minibatches=2", "--set", "num_evals=1", "--set", "eval_episodes=2",
    "--set", "final_eval_episodes=3", "--set", "hidden_sizes=[8]",
)  # fmt: skip
NAME = "CartPole-v1-ppo-clip-s1"  # of the run that this trains
RUN_KEYS = {
    "run_dir", "env_id", "algorithm", "seed", "status", "global_step", "wall_time",
    "steps_per_second", "eval",
}  # fmt: skip
LONG = (*TINY, "--total-timesteps", "1e9", "--set", "num_evals=0")


@dataclass(frozen=True)
class Result:
    """How a command ended: its exit code, or minus the signal that killed it; what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


def environment(**changes: str) -> dict[str, str]:
    """The variables of a process that imports this package, whatever is installed."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def start(*args: str, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    """Start ``ppo`` and do not wait."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment()} | options
    return subprocess.Popen([sys.executable, "-m", "ppo_cli", *args], cwd=cwd, text=True, **options)


def ppo(*args: str, cwd: Path, **options: Any) -> Result:
    """Run ``ppo`` to its end."""
    process = start(*args, cwd=cwd, **options)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    return Result(process.returncode, stdout or "", stderr or "")


def inside(*args: str, cwd: Path) -> Result:
    """Run ``ppo`` in this process, which has torch loaded already."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = run(app, args)
    return Result(code, stdout.getvalue(), stderr.getvalue())


def runs_in(folder: Path) -> list[str]:
    """The names of the runs that were made in a folder."""
    return sorted(path.name for path in (folder / "runs").glob("*")) if (folder / "runs").exists() else []


def damaged_copy(trained: Path, folder: Path, **files: str) -> Path:
    """A copy of trained runs in which files of the first one hold other texts: ``config_yaml="..."``."""
    shutil.copytree(trained / "runs", folder / "runs")
    for name, text in files.items():
        (folder / "runs" / NAME / name.replace("_", ".", 1)).write_text(text)
    return folder


def wait_for_checkpoint(run: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a run has saved its first checkpoint."""

    def has_checkpoint() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"ended with {process.returncode}: {process.communicate()}")
        return any(run.glob("checkpoints/it-*/MANIFEST.json"))

    try:
        wait_until(has_checkpoint, "a checkpoint")
    except AssertionError:
        process.kill()
        raise
