"""Every logged metric: its name and what it means. The documentation's table is made from this."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ppo_cli.config.algorithms import ALGORITHMS, users_of
from ppo_cli.errors import UsageError

if TYPE_CHECKING:
    from ppo_cli.config.schema import RunConfig


@dataclass(frozen=True)
class Metric:
    """A column of ``metrics.csv``.

    Attributes:
        name: Its name, family first.
        meaning: What it says, with its unit.
        only: The algorithms that log it; empty when all do.
        needs: What a run has to have for it: a ``reward_model`` or a ``reference``; empty when nothing.
    """

    name: str
    meaning: str
    only: tuple[str, ...] = ()
    needs: str = ""


CRITIC, CLIPPED = map(users_of, ("vf_coef", "eps_clip"))
WHOLE_EPISODES = tuple(name for name, facts in ALGORITHMS.items() if facts.whole_episodes)
WINDOW = 100  # episodes that the rollout means look back on


def _own_metrics() -> tuple[Metric, ...]:
    """Collect the metrics that only some algorithms log, from their facts."""
    meanings = {name: text for facts in ALGORITHMS.values() for name, text in facts.metrics.items()}
    return tuple(
        Metric(name, text, tuple(own for own, facts in ALGORITHMS.items() if name in facts.metrics))
        for name, text in meanings.items()
    )


METRICS = (
    Metric("iteration", "iterations done (one iteration = collect + update)"),
    Metric(
        "global_step",
        "environment steps of this run so far; resets count, and so does waiting for the end of a rollout of "
        "whole episodes",
    ),
    Metric(
        "rollout/episode_return",
        f"mean return by the environment's own reward, last {WINDOW} training episodes",
    ),
    Metric("rollout/shaped_return", "the same by the shaped reward that the learner sees"),
    Metric("rollout/learned_return", "the same by the reward model", needs="reward_model"),
    Metric(
        "rollout/rank_correlation",
        f"rank correlation of learned and true return, last {WINDOW} training episodes; near 1 they agree",
        needs="reward_model",
    ),
    Metric(
        "rollout/disagreement",
        "standard deviation of the ensemble's rewards for a step; 1 is that of rewards on the clips",
        needs="reward_model",
    ),
    Metric(
        "rollout/kl_reference",
        "KL(policy || reference) of the policy that collected, exact, in nats per step",
        needs="reference",
    ),
    Metric("rollout/episode_length", f"mean steps of the last {WINDOW} training episodes"),
    Metric("rollout/episodes", "training episodes finished so far"),
    Metric("train/policy_loss", "loss of the policy, mean over the iteration's minibatches"),
    Metric("train/value_loss", "half the mean squared error of the value function", CRITIC),
    Metric("train/entropy", "entropy of the policy in nats: how random it is"),
    Metric("train/approx_kl", "KL(old || new): how far the update moved the policy, k3 estimate, in nats"),
    *_own_metrics(),
    Metric(
        "train/used",
        "share of the collected steps that were learned from; the others are resets, waiting for the end of "
        "the rollout, and groups whose episodes all paid the same",
        WHOLE_EPISODES,
    ),
    Metric("train/grad_norm", "norm of the gradient before clipping"),
    Metric("train/epochs", "epochs that were used; fewer than num_epochs when target_kl stopped them"),
    Metric(
        "train/explained_variance",
        "1 - Var(returns - values) / Var(returns); 1 is a perfect value function",
        CRITIC,
    ),
    Metric("train/learning_rate", "learning rate of this iteration"),
    Metric("train/reference_coef", "price of leaving the reference in this iteration", needs="reference"),
    Metric("train/eps_clip", "clip range of this iteration", CLIPPED),
    Metric("train/std", "mean standard deviation of Gaussian actions (empty for others)"),
    Metric(
        "eval/episode_return", "mean return of the evaluation made after this iteration (empty without one)"
    ),
    Metric("time/wall_time", "seconds of training so far, earlier sessions of a resumed run included"),
    Metric(
        "time/steps_per_second",
        "environment steps of all members together per second, so far in this session",
    ),
)

TERM_PREFIX = "reward/"  # one column per shaping term: mean per step over the last episodes


def columns(config: RunConfig, term_names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of ``metrics.csv`` for a run with these settings and shaping terms."""
    has = {"": True, "reward_model": config.learns_reward, "reference": config.has_reference}
    return _columns(config.algorithm, tuple(need for need, there in has.items() if there), term_names)


@lru_cache
def _columns(algorithm: str, has: tuple[str, ...], term_names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns for an algorithm, where there is what a metric needs."""
    names = (
        metric.name
        for metric in METRICS
        if (not metric.only or algorithm in metric.only) and metric.needs in has
    )
    return (*names, *(TERM_PREFIX + term for term in term_names))


def check_logged(config: RunConfig, names: Collection[str]) -> None:
    """Tell the author of an algorithm that it logs what its facts do not declare.

    Args:
        config: Settings of a run.
        names: Metrics that it logs.

    Raises:
        UsageError: One of them has no column.
    """
    unknown = sorted(set(names).difference(columns(config, ())))
    if unknown:
        algorithm = config.algorithm
        raise UsageError(
            f"the algorithm {algorithm} logs {unknown[0]}, which is not declared",
            hint=f"say what it means in the metrics of {algorithm} in ppo_cli/config/algorithms.py",
            key=unknown[0],
        )
