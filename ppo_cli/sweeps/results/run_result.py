"""The result of one run of a sweep, read from its folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ppo_cli.errors import CorruptFileError
from ppo_cli.runs.logs import read_columns
from ppo_cli.runs.run_dir import GIVEN_UP, RunDir
from ppo_cli.sweeps.spec.planned_runs import PlannedRun

WAITING, INTERRUPTED, COMPLETED, DIVERGED, FAILED, PRUNED = (
    "waiting",
    "interrupted",
    "completed",
    "diverged",
    "failed",
    "pruned",
)
FINAL = frozenset({COMPLETED, DIVERGED, FAILED, PRUNED})
"""The statuses of runs that are not trained further."""

LOST = frozenset({DIVERGED, FAILED})


@dataclass(frozen=True)
class RunResult:
    """A run as its folder tells it.

    Attributes:
        planned: Which run it is.
        run_dir: Its folder, whether it is there or not.
        status: ``waiting``, ``interrupted``, ``completed``, ``diverged``, ``failed`` or ``pruned``.
        final: Mean return of the final evaluation, when it is complete.
        global_step: Environment steps done.
        wall_time: Seconds of training; members of one population have them in common.
        reason: Why it stopped, where it did.
        summary: What its ``summary.json`` holds.
        last_evaluation: Mean return of the last evaluation of a run that was pruned.
    """

    planned: PlannedRun
    run_dir: RunDir
    status: str
    final: float | None
    global_step: int
    wall_time: float
    reason: str | None
    summary: Mapping[str, Any]
    last_evaluation: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The run's document, as ``ppo train --json`` has it, with its point."""
        config = self.planned.config
        base = {"env_id": config.env_id, "algorithm": config.algorithm, "seed": config.seed}
        done = {"global_step": self.global_step, "wall_time": self.wall_time, "eval": None}
        written = {name: value for name, value in self.summary.items() if name not in ("versions", "command")}
        own = {"run_dir": str(self.run_dir.path), "status": self.status, "reason": self.reason}
        return {
            **base,
            **done,
            "steps_per_second": None,
            **written,
            **own,
            "point": self.planned.point.to_json(),
        }


def read_run(planned: PlannedRun, run_dir: RunDir) -> RunResult:
    """Read the result of a run.

    A run that failed together with others of its job may be sound: it counts as interrupted until it failed
    alone.
    """
    try:
        summary = run_dir.read_summary()
    except CorruptFileError:
        summary = None  # training does not depend on it; it is written anew
    if summary is None:
        status = INTERRUPTED if run_dir.config_path.exists() else WAITING
        return RunResult(planned, run_dir, status, None, 0, 0.0, None, {})
    status = str(summary.get("status"))
    if status not in FINAL or (status == FAILED and not summary.get(GIVEN_UP)):
        status = INTERRUPTED
    evaluation = summary.get("eval")
    final = evaluation.get("mean") if isinstance(evaluation, Mapping) and status == COMPLETED else None
    reason = summary.get("reason")
    if status == COMPLETED and not isinstance(final, int | float):
        status, final, reason = FAILED, None, "the mean return of its final evaluation is not a number"
    return RunResult(
        planned=planned,
        run_dir=run_dir,
        status=status,
        final=final,
        global_step=_number(summary.get("global_step")),
        wall_time=float(_number(summary.get("wall_time"))),
        reason=reason,
        summary=summary,
        last_evaluation=_last_evaluation(run_dir) if status == PRUNED else None,
    )


def _last_evaluation(run_dir: RunDir) -> float | None:
    """The mean return of a run's last evaluation; None where there is none to be read."""
    try:
        means = read_columns(run_dir.eval_path, "mean")["mean"]
    except CorruptFileError:
        return None
    return means[-1] if means and math.isfinite(means[-1]) else None


def _number(value: object) -> Any:
    return value if isinstance(value, int | float) else 0
