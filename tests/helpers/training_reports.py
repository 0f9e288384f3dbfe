"""Reports of a training, made by hand: what the trainer would tell whoever watches it."""

from __future__ import annotations

from typing import Any

from ppo_cli.learn.iteration_report import IterationReport, MemberReport
from ppo_cli.runs.eval_stats import EvalStats

METRICS = {
    "train/entropy": 1.25,
    "train/approx_kl": 0.0071,
    "train/clip_fraction": 0.125,
    "train/explained_variance": 0.875,
}


def member(name: str = "CartPole-v1-ppo-clip-s1", **changes: Any) -> MemberReport:
    """One member of the population."""
    values: dict[str, Any] = {
        "name": name,
        "run_dir": None,
        "seed": 1,
        "status": "training",
        "reason": None,
        "metrics": METRICS,
        "best_return": 480.0,
        "recent_return": 123.0,
        "last_eval": EvalStats((470.0, 480.0, 490.0), (470, 480, 490)),
    }
    return MemberReport(**(values | changes))


def report(*members: MemberReport, step: int = 50_000, **changes: Any) -> IterationReport:
    """One iteration's report; with one member unless others are given."""
    values: dict[str, Any] = {
        "iteration": step // 1000,
        "num_iterations": 100,
        "global_step": step,
        "total_timesteps": 100_000,
        "wall_time": 10.0,
        "steps_per_second": 5_000.0,
        "timings": {"environment": 50.0, "policy": 20.0, "update": 20.0, "evaluation": 10.0},
        "members": members or (member(),),
        "notices": (),
    }
    return IterationReport(**(values | changes))
