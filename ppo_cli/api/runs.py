"""Read runs from their folders: settings, logs, results and policies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.runs.run_dir import RunDir, list_runs

if TYPE_CHECKING:
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.play.policy import Policy

Ref = str | os.PathLike[str]
"""A reference to a run: a path, a name under the runs folder, its unique beginning, ``latest``, a Run."""

Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Run:
    """A run. Its files are read when they are first asked for, and once; nothing in them is executed.

    Attributes:
        path: Its folder.
    """

    path: Path

    def __fspath__(self) -> str:
        """The folder, so that a run can stand where a path can."""
        return str(self.path)

    @property
    def name(self) -> str:
        """The folder's name, which is the run's."""
        return RunDir(self.path).name

    @cached_property
    def config(self) -> RunConfig:
        """The settings, as in ``run.config.learning.gamma``.

        Raises:
            CorruptFileError: ``config.yaml`` is damaged.
        """
        from ppo_cli.runs.reading import read_config

        return read_config(RunDir(self.path))

    @cached_property
    def summary(self) -> dict[str, Any]:
        """How the run ended, as ``ppo list --json`` describes it."""
        from ppo_cli.runs.reading import describe_run

        return describe_run(RunDir(self.path))

    @cached_property
    def metrics(self) -> Columns:
        """The columns of ``metrics.csv``, one entry per iteration; NaN where there is no number."""
        return _columns(RunDir(self.path).metrics_path)

    @cached_property
    def evaluations(self) -> Columns:
        """The columns of ``eval.csv``, one entry per evaluation during training."""
        return _columns(RunDir(self.path).eval_path)

    def policy(self, *, best: bool = False) -> Policy:
        """The policy, with the calling convention of Stable-Baselines3.

        Args:
            best: The one with the best evaluation, instead of the last one.

        Raises:
            UsageError: There is none yet.
            CorruptFileError: Its file is damaged.
        """
        from ppo_cli.play.policy import load_policy

        return load_policy(self.path, best=best)


def load_runs(*refs: Ref, runs_dir: Ref = "runs") -> list[Run]:
    """Find runs, each once, by names of runs, sweeps, points of sweeps or series of seeds, or by globs.

    Args:
        *refs: As ``ppo compare`` takes them: ``"runs/*"``, ``"latest"``, ``"SWEEP/eps_clip=0.2"``; by default
            all runs of ``runs_dir``.
        runs_dir: Where runs are.

    Raises:
        UsageError: A name fits nothing.
        CorruptFileError: A folder is a symbolic link.
    """
    from ppo_cli.comparison.words import meanings

    folder = Path(runs_dir)
    runs = [run for ref in refs for group in meanings(folder, os.fspath(ref)) for run in group.runs]
    runs = runs if refs else list_runs(folder)
    return [Run(run.path) for run in {os.path.realpath(run.path): run for run in runs}.values()]


def _columns(path: Path) -> Columns:
    from ppo_cli.runs.logs import read_columns

    return {name: np.array(values) for name, values in read_columns(path).items()}
