"""Illnesses of shaped rewards, and of rollouts that hold little to learn from."""

from __future__ import annotations

import numpy as np

from ppo_cli.config.choices import NULLS
from ppo_cli.diagnosis.logs import Array, Finding, RunLogs, is_at_its_best, middle, smooth, text, there
from ppo_cli.diagnosis.policy import FEW
from ppo_cli.metrics import TERM_PREFIX

THOUSANDS = 1000.0
MOSTLY = 0.1


def one_term_rules(logs: RunLogs) -> Finding | None:
    """One term of the reward is thousands of times as large as all the others together."""
    sizes = {name: middle(np.abs(values)) for name, values in _weighted(logs).items() if len(there(values))}
    if len(sizes) < 2 or logs.iterations < FEW:
        return None
    largest = max(sizes, key=lambda name: sizes[name])
    others = sum(size for name, size in sizes.items() if name != largest)
    if not sizes[largest] > THOUSANDS * others:
        return None
    return Finding(
        "one_term_rules",
        f"The reward term {largest} is thousands of times the others: they make no difference.",
        ", ".join(f"{name} {text(size)} per step" for name, size in sizes.items()),
        f"a smaller weight for {largest}, or larger ones for the others",
    )


def a_term_never_changes(logs: RunLogs) -> Finding | None:
    """A weighted term is the same in all episodes."""
    if logs.iterations < FEW or logs.share < 0.3:
        return None
    for name, values in _weighted(logs).items():
        finite = there(values)
        if len(finite) >= FEW and np.ptp(finite) == 0:
            return Finding(
                "a_term_never_changes",
                f"The reward term {name} never changes: nothing can be learned from it.",
                f"{text(finite[0])} per step in all {len(finite)} iterations",
                f"leave {name} out, or look whether its condition can come about",
            )
    return None


def shaped_parts_from_true(logs: RunLogs) -> Finding | None:
    """The shaped return rises while the environment's own falls."""
    if not logs.config.reward_shaping.pays:
        return None
    ends = _parted(logs, "rollout/shaped_return")
    return ends and Finding(
        "shaped_parts_from_true",
        "The shaped return rises while the true one falls: what is paid for is not what is wanted.",
        f"{ends[0]}, shaped {ends[1]}",
        "reward_shaping.mode=potential, which keeps the best policy what it was, or smaller weights",
    )


def learned_parts_from_true(logs: RunLogs) -> Finding | None:
    """The reward model's return rises while the environment's own falls (Gao et al. 2023)."""
    if logs.config.learning.reward_model in (None, *NULLS):
        return None
    ends = _parted(logs, "rollout/learned_return")
    return ends and Finding(
        "learned_parts_from_true",
        "The learned return rises while the true one falls: the policy has found what the reward model "
        "takes for good and nobody wants (reward hacking).",
        f"{ends[0]}, learned {ends[1]}",
        "comparisons of this run's own episodes (ppo prefer THIS-RUN), a reference with a larger "
        "reference_coef, or fewer steps",
    )


def _parted(logs: RunLogs, paid: str) -> tuple[str, str] | None:
    """From where to where both returns went, where what is paid rises and the true one falls."""
    if logs.share < 0.5:
        return None
    true, other = smooth(logs.column("rollout/episode_return")), smooth(logs.column(paid))
    if not (len(true) and len(other)) or not (_gain(true) < -0.3 and _gain(other) > 0.3):
        return None
    return f"true {text(true[0])} to {text(true[-1])}", f"{text(other[0])} to {text(other[-1])}"


def mostly_waiting(logs: RunLogs) -> Finding | None:
    """Nearly all collected steps are waiting, so that little is learned from."""
    used = middle(logs.column("train/used")[logs.iterations // 2 :])
    if logs.iterations < FEW or logs.share < 0.3 or not used < MOSTLY or is_at_its_best(logs):
        return None
    return Finding(
        "mostly_waiting",
        "Most steps are waiting for the end of the rollout, or are left out: little is learned from.",
        f"{used:.1%} of the steps used, in the middle of the second half",
        "a larger num_steps, a shorter env_kwargs.max_episode_steps, or ppo-clip, which waits for nothing",
    )


def _gain(means: Array) -> float:
    """How far a curve rose from its first to its last fifth, as a share of its range."""
    return float(means[-4:].mean() - means[:4].mean()) / max(float(np.ptp(means)), 1e-9)


def _weighted(logs: RunLogs) -> dict[str, Array]:
    """What each weighted term pays per step, by its name; none where shaping pays nothing."""
    shaping = logs.config.reward_shaping
    if not shaping.pays:
        return {}
    return {
        name: weight * shaping.scale * logs.metrics[TERM_PREFIX + name]
        for name, weight in shaping.weights().items()
        if TERM_PREFIX + name in logs.metrics
    }
