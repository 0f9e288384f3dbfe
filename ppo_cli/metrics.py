"""Every logged metric: its name and what it means. The documentation's table is made from this."""

from __future__ import annotations

from dataclasses import dataclass

from ppo_cli.config.algorithms import ALGORITHMS, users_of


@dataclass(frozen=True)
class Metric:
    """A column of ``metrics.csv``.

    Attributes:
        name: Its name, family first.
        meaning: What it says, with its unit.
        only: The algorithms that log it; empty when all do.
    """

    name: str
    meaning: str
    only: tuple[str, ...] = ()


CRITIC, CLIPPED, TARGETED, HELD = map(users_of, ("vf_coef", "eps_clip", "kl_target", "reference"))
WHOLE_EPISODES = tuple(name for name, facts in ALGORITHMS.items() if facts.whole_episodes)
WINDOW = 100  # episodes that the rollout means look back on

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
    Metric("rollout/episode_length", f"mean steps of the last {WINDOW} training episodes"),
    Metric("rollout/episodes", "training episodes finished so far"),
    Metric("train/policy_loss", "loss of the policy, mean over the iteration's minibatches"),
    Metric("train/value_loss", "half the mean squared error of the value function", CRITIC),
    Metric("train/entropy", "entropy of the policy in nats: how random it is"),
    Metric("train/approx_kl", "KL(old || new): how far the update moved the policy, k3 estimate, in nats"),
    Metric("train/clip_fraction", "share of transitions whose ratio left the clip range", CLIPPED),
    Metric("train/kl", "KL(old || new): how far the update moved the policy, exact, in nats", TARGETED),
    Metric("train/kl_coef", "weight of the penalty on KL(old || new) in this iteration", TARGETED),
    Metric("train/kl_reference", "KL(policy || reference), k3 estimate, in nats", HELD),
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


def columns(algorithm: str, term_names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of ``metrics.csv`` for a run of an algorithm with these shaping terms."""
    names = (metric.name for metric in METRICS if not metric.only or algorithm in metric.only)
    return (*names, *(TERM_PREFIX + term for term in term_names))
