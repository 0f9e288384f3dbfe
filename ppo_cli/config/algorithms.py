"""The algorithms as facts: formula, paper, and which settings each of them uses. No torch.

How they compute stands in ``ppo_cli.learn.algorithms``, under the same names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AlgorithmFacts:
    """What ``ppo algorithms`` says of an algorithm.

    Attributes:
        summary: What it is, in one line.
        formula: The loss that it minimises, in plain characters.
        paper: Where it comes from.
        settings: The settings that it uses and not every algorithm does, by leaf name.
        whole_episodes: Whether it learns from whole episodes, rather than from a fixed number of steps.
    """

    summary: str
    formula: str
    paper: str
    settings: tuple[str, ...]
    whole_episodes: bool = False


ALGORITHMS: dict[str, AlgorithmFacts] = {
    "ppo-clip": AlgorithmFacts(
        summary="limits each update by making larger moves of the policy worthless",
        formula="-mean min(ratio A, clip(ratio, 1 - eps_clip, 1 + eps_clip) A) + vf_coef value_loss",
        paper="Schulman et al. 2017, Proximal Policy Optimization Algorithms, eq. 7",
        settings=(
            "num_epochs", "gae_lambda", "normalize_advantages", "eps_clip", "anneal_eps_clip", "target_kl",
            "vf_coef", "eps_clip_vf", "critic_learning_rate",
        ),
    ),
    "ppo-kl": AlgorithmFacts(
        summary="limits each update by a penalty on its exact KL divergence, with a weight that adapts",
        formula="-mean(ratio A) + kl_coef KL(old policy || policy) + vf_coef value_loss",
        paper="Schulman et al. 2017, Proximal Policy Optimization Algorithms, eq. 8",
        settings=(
            "num_epochs", "gae_lambda", "normalize_advantages", "kl_target", "kl_coef",
            "vf_coef", "eps_clip_vf", "critic_learning_rate",
        ),
    ),
    "reinforce": AlgorithmFacts(
        summary="the policy gradient itself: one pass over whole episodes, nothing to limit it",
        formula="-mean(log policy(a|s) (return - baseline)) + vf_coef value_loss",
        paper="Williams 1992, Simple statistical gradient-following algorithms",
        settings=("returns", "baseline", "normalize_advantages", "vf_coef", "critic_learning_rate"),
        whole_episodes=True,
    ),
    "grpo": AlgorithmFacts(
        summary="no critic: episodes from one start state are judged against each other",
        formula=(
            "-mean min(ratio A, clip(ratio, 1 - eps_clip, 1 + clip_higher) A) + kl_coef k3(reference), "
            "A = (return - mean of group) / std of group"
        ),
        paper="Shao et al. 2024, DeepSeekMath; DAPO (Yu et al. 2025); Dr. GRPO (Liu et al. 2025)",
        settings=(
            "num_epochs", "group_size", "divide_by_std", "dynamic_sampling", "loss_mean",
            "eps_clip", "clip_higher", "anneal_eps_clip", "target_kl", "kl_coef", "reference",
        ),
        whole_episodes=True,
    ),
}  # fmt: skip


ROLES: dict[str, tuple[str, ...]] = {
    "passes": ("num_epochs",),
    "step": ("eps_clip", "clip_higher", "anneal_eps_clip", "target_kl", "kl_target"),
    "penalty": ("kl_coef", "reference"),
    "advantages": (
        "gae_lambda", "returns", "baseline", "group_size", "divide_by_std", "dynamic_sampling", "loss_mean",
        "normalize_advantages",
    ),
    "critic": ("vf_coef", "eps_clip_vf", "critic_learning_rate"),
}  # fmt: skip
"""What the settings that not every algorithm uses are for; those of one role stand in for each other."""

_WITHOUT = {
    "passes": "it takes one pass, which num_minibatches cuts into parts",
    "step": "it has nothing that limits an update",
    "penalty": "it has no KL penalty",
    "critic": "it has no value network",
}
"""What to say of an algorithm that has no setting of a role."""


def uses(algorithm: str, setting: str) -> bool:
    """Whether an algorithm uses a setting.

    Args:
        algorithm: Its name.
        setting: Leaf name of the setting.
    """
    return setting in ALGORITHMS[algorithm].settings or not any(setting in names for names in ROLES.values())


def users_of(setting: str) -> tuple[str, ...]:
    """The algorithms that use a setting.

    Args:
        setting: Its leaf name.
    """
    return tuple(name for name in ALGORITHMS if uses(name, setting))


def objection(algorithm: str, setting: str) -> tuple[str, str]:
    """Why an algorithm refuses a setting that it does not use, and what to do.

    >>> objection("ppo-kl", "eps_clip")
    ('eps_clip is not used by ppo-kl; it has kl_target', 'leave it out; ppo-clip and grpo use eps_clip')
    """
    role = next(role for role, names in ROLES.items() if setting in names)
    own = [name for name in ROLES[role] if name in ALGORITHMS[algorithm].settings]
    instead = f"it has {_listed(own)}" if own else _WITHOUT[role]
    users = users_of(setting)
    hint = f"leave it out; {_listed(users)} use{'s' if len(users) == 1 else ''} {setting}"
    return f"{setting} is not used by {algorithm}; {instead}", hint


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
