"""Short trainings whose every number can be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppo_cli.config.algorithms import uses
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.episodes import EpisodeRecord
from ppo_cli.learn.build import open_population
from ppo_cli.learn.iteration_report import IterationReport
from ppo_cli.learn.population import Member, Population
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.learn.trainer import train, train_iteration
from ppo_cli.runs.eval_stats import EvalStats


def make_config(env_id: str, iterations: int = 4, **values: Any) -> RunConfig:
    """Settings of a few small iterations: ``values`` by name, the rest small where the algorithm uses it."""
    small: dict[str, Any] = {
        "num_envs": 3,
        "num_steps": 25,
        "num_minibatches": 3,
        "num_evals": 0,
        "eval_episodes": 2,
        "final_eval_episodes": 0,
    }
    algorithm = values.get("algorithm", "ppo-clip")
    settings = {name: value for name, value in small.items() if uses(algorithm, name)} | values
    steps = settings["num_envs"] * settings["num_steps"]
    return with_values(RunConfig(env_id=env_id), {"total_timesteps": iterations * steps} | settings)


def population(configs: Sequence[RunConfig]) -> Population:
    """Members that write nothing."""
    return Population(tuple(Member(config) for config in configs))


@dataclass
class Trained:
    """What became of one member: all of it has to be equal, bit for bit, wherever it was trained."""

    seed: int
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    metrics: list[dict[str, float]] = field(default_factory=list)
    episodes: list[EpisodeRecord] = field(default_factory=list)
    evals: list[EvalStats] = field(default_factory=list)
    status: str = "training"
    reason: str | None = None

    def differences(self, other: Trained) -> list[str]:
        """What is not equal to the last bit, in words."""
        found = [
            name for name, value in self.tensors.items() if value.tobytes() != other.tensors[name].tobytes()
        ]
        if len(self.metrics) != len(other.metrics):
            found.append(f"{len(self.metrics)} and {len(other.metrics)} rows of metrics")
        for index, (ours, theirs) in enumerate(zip(self.metrics, other.metrics, strict=False)):
            keys = [key for key in ours if repr(ours[key]) != repr(theirs.get(key))]
            found += [
                f"{key} of iteration {index + 1}: {ours[key]!r} and {theirs.get(key)!r}" for key in keys
            ]
        if self.episodes != other.episodes:
            found.append(f"episodes ({len(self.episodes)} and {len(other.episodes)})")
        if self.evals != other.evals:
            found.append("evaluations")
        return found


def train_members(
    configs: Sequence[RunConfig],
    iterations: int = 4,
    meddle: Callable[[PopulationState], None] = lambda _: None,
) -> list[Trained]:
    """Train members together, and keep all that can be compared.

    Args:
        configs: One per member, with seeds that differ.
        iterations: Iterations to train.
        meddle: Called before each iteration.
    """
    trained = {config.seed: Trained(config.seed) for config in configs}
    with open_population(population(configs)) as state:
        for recorder in state.rows.recorders:
            _listen(recorder, trained[recorder.member.config.seed])
        for _ in range(iterations):
            if not state.members:
                break
            meddle(state)
            train_iteration(state)
            for row, member in enumerate(state.members):
                result = trained[member.config.seed]
                result.tensors = {n: t.copy() for n, t in state.learner.member_tensors(row).items()}
                metrics = state.rows.recorders[row].metrics
                result.metrics.append({n: v for n, v in metrics.items() if not n.startswith("time/")})
        for report in state.report().members:
            trained[report.seed].status, trained[report.seed].reason = report.status, report.reason
    return list(trained.values())


def _listen(recorder: Any, result: Trained) -> None:
    log_episode, log_evaluation = recorder.log_episode, recorder.log_evaluation

    def keep_episode(record: EpisodeRecord) -> None:
        result.episodes.append(replace(record, member=0))
        log_episode(record)

    def keep_evaluation(step: int, stats: EvalStats, policy: Any) -> None:
        result.evals.append(stats)
        log_evaluation(step, stats, policy)

    recorder.log_episode, recorder.log_evaluation = keep_episode, keep_evaluation


def play(members: Population, stop_after: int | None = None) -> list[IterationReport]:
    """Train to the end, or until ``stop_after`` iterations, with the loop that ships."""
    asked = [0]

    def stop() -> bool:
        asked[0] += 1
        return stop_after is not None and asked[0] >= stop_after

    return list(train(members, stop=stop))
