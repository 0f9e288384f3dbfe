"""The origin of an exported policy, in words that every exported file can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ppo_cli.config.problems import printable
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.registry import resolve_env_id
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.play.policy import Policy
from ppo_cli.runs.eval_stats import EvalStats
from ppo_cli.runs.run_dir import RunDir

MAX_NAME = 200


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a policy, by the environment's own reward.

    Attributes:
        mean: Mean return.
        std: Standard deviation over episodes.
        ci95: 95 % interval of the mean, over episodes; NaN where there was one episode.
        episodes: Number of episodes.
        deterministic: Whether the most likely action was taken.
        when: ISO date and time.
    """

    mean: float
    std: float
    ci95: tuple[float, float]
    episodes: int
    deterministic: bool
    when: str

    @classmethod
    def of(cls, stats: EvalStats) -> Evaluation:
        """An evaluation that was just made."""
        when = _iso(datetime.now(UTC))
        return cls(stats.mean, stats.std, stats.ci95, stats.episodes, stats.deterministic, when)

    @property
    def text(self) -> str:
        """The numbers on one line, in ASCII."""
        low, high = self.ci95
        interval = f", 95 % interval {low:.1f} to {high:.1f}" if math.isfinite(low + high) else ""
        return f"{self.mean:.2f} +/- {self.std:.2f} over {self.episodes:,} episodes{interval}"


@dataclass(frozen=True)
class Origin:
    """The run behind a policy. Its texts are printable and on one line, whatever the folder's name is.

    Attributes:
        run: The run's name.
        env_id: The environment that it was trained in: the id that ran, not the one that was asked for.
        env_kwargs: Arguments of the environment.
        algorithm: What trained it.
        seed: The run's seed.
        best: Whether it is the policy with the best evaluation, and not the last one.
        evaluation: The evaluation after training, on fresh episodes; None where this policy has none.
        best_return: The best mean return of an evaluation during training, or None.
    """

    run: str
    env_id: str
    env_kwargs: Mapping[str, Any]
    algorithm: str
    seed: int
    best: bool
    evaluation: Evaluation | None
    best_return: float | None

    @property
    def which(self) -> str:
        """The name of the policy among the run's: ``last`` or ``best``."""
        return "best" if self.best else "last"

    @property
    def result(self) -> str:
        """The return to expect, on one line."""
        if self.evaluation is not None:
            return self.evaluation.text
        if self.best and self.best_return is not None:
            return f"{self.best_return:.2f} in training, the best of its evaluations: expect less"
        return "not evaluated"


def origin_of(run: RunDir, config: RunConfig, policy: Policy, *, best: bool) -> Origin:
    """Read what a run folder tells about one of its policies.

    Raises:
        CorruptFileError: ``summary.json`` is damaged, or the policy was trained in another environment than
            ``config.yaml`` says.
    """
    trained = policy.shape.spec.env_id
    if trained != config.env_id:
        raise CorruptFileError(
            f"{run.path} does not belong together: its policy was trained in {trained!r}, "
            f"its config.yaml says {config.env_id!r}",
            file=run.config_path,
        )
    summary = run.read_summary() or {}
    return Origin(
        run=printable(run.name, MAX_NAME),
        env_id=_id_that_runs(config.env_id),
        env_kwargs=config.env_kwargs,
        algorithm=config.algorithm,
        seed=config.seed,
        best=best,
        evaluation=None if best else _final_evaluation(summary, run.summary_path),
        best_return=_number(summary.get("best_eval_during_training")),
    )


def _id_that_runs(env_id: str) -> str:
    """The id of today: nothing is published under a retired name whose successor was played."""
    try:
        return resolve_env_id(env_id).env_id
    except UsageError:  # an environment of the user's own, which is not imported for this
        return env_id


def _final_evaluation(summary: Mapping[str, Any], path: Path) -> Evaluation | None:
    """The evaluation that a completed run ended with; None if there is none, or it makes no sense."""
    evaluation = summary.get("eval")
    if summary.get("status") != "completed" or not isinstance(evaluation, Mapping):
        return None
    mean, std, episodes = (_number(evaluation.get(name)) for name in ("mean", "std", "episodes"))
    if mean is None or std is None or episodes is None or episodes < 1:
        return None
    interval = evaluation.get("ci95")
    low, high = interval if isinstance(interval, list) and len(interval) == 2 else (None, None)
    ci95 = tuple(math.nan if value is None else value for value in (_number(low), _number(high)))
    when = _iso(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    return Evaluation(
        mean, std, (ci95[0], ci95[1]), int(episodes), evaluation.get("deterministic") is not False, when
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _number(value: object) -> float | None:
    """A finite number from a file that may hold anything."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e300 < value < 1e300:
        return None
    return float(value)
