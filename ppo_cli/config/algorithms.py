"""The algorithms as facts: formula, paper, and which settings each of them uses. No torch.

How they compute stands in ``ppo_cli.algorithms``, under the same names.
"""

from __future__ import annotations

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


def uses(algorithm: str, setting: str) -> bool:
    """Whether an algorithm uses a setting.

    Args:
        algorithm: Its name.
        setting: Leaf name of the setting.
    """
    of_some = {name for facts in ALGORITHMS.values() for name in facts.settings}
    return setting not in of_some or setting in ALGORITHMS[algorithm].settings
