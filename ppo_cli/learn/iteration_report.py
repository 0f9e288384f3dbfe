"""Reports of a training, one per iteration, for views and callers. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ppo_cli.runs.eval_stats import EvalStats
from ppo_cli.runs.run_dir import RunDir


@dataclass(frozen=True)
class MemberReport:
    """The state of a member after an iteration.

    Attributes:
        name: The run's name.
        run_dir: Its folder, or None.
        seed: Its seed.
        status: ``training``, ``completed``, ``interrupted`` or ``diverged``.
        reason: Why it stopped, where it did.
        metrics: Latest metrics by name (see ``metrics``).
        best_return: Best mean return of an evaluation so far, or None.
        recent_return: Mean return of the last training episodes, or None before the first one ended.
        last_eval: The last evaluation; when ``status`` is ``completed``, the final one.
    """

    name: str
    run_dir: RunDir | None
    seed: int
    status: str
    reason: str | None
    metrics: Mapping[str, float]
    best_return: float | None
    recent_return: float | None
    last_eval: EvalStats | None


@dataclass(frozen=True)
class IterationReport:
    """A population after an iteration.

    Attributes:
        iteration: Iterations done.
        num_iterations: Iterations in all.
        global_step: Environment steps of one member.
        total_timesteps: Steps that one member was asked for.
        wall_time: Seconds, earlier sessions included.
        steps_per_second: Of all members together, in this session.
        timings: Seconds in this session by activity.
        members: Those that train, and those that stopped.
        notices: What the user should know; each is told once.
    """

    iteration: int
    num_iterations: int
    global_step: int
    total_timesteps: int
    wall_time: float
    steps_per_second: float
    timings: Mapping[str, float]
    members: tuple[MemberReport, ...]
    notices: tuple[str, ...]
