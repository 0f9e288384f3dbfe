"""Facts of the algorithms: formula, paper, settings, and what follows from them. No torch.

Everything that has to be known of an algorithm without running it stands here, once. Its computations stand
in the class that ``code`` names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ppo_cli.config.choices import INITIAL
from ppo_cli.errors import UsageError

if TYPE_CHECKING:
    from ppo_cli.config.sections import Learning


def _always(learning: Learning) -> bool:
    return True


def _never(learning: Learning) -> bool:
    return False


@dataclass(frozen=True)
class AlgorithmFacts:
    """All that is known of an algorithm without running it.

    Attributes:
        summary: What it is, in one line.
        formula: The loss that it minimises, in plain characters.
        paper: Where it comes from.
        code: Module and class in ``ppo_cli.learn.algorithms``, as in ``ppo_clip:PpoClip``.
        settings: The settings that it uses and not every algorithm does, by leaf name.
        metrics: What it logs and not every algorithm does: meaning by name. One that is named after a
            setting, such as ``train/kl_coef``, is logged by itself.
        whole_episodes: Whether it learns from whole episodes, rather than from a fixed number of steps.
        loss_holds_on: Whether its own loss has a term for a reference policy.
        critic: Whether there is a value network, by the settings of ``learning``.
        bootstraps: Whether the value of the last observation stands in for the rewards after a time limit.
    """

    summary: str
    formula: str
    paper: str
    code: str
    settings: tuple[str, ...]
    metrics: Mapping[str, str] = field(default_factory=dict)
    whole_episodes: bool = False
    loss_holds_on: bool = False
    critic: Callable[[Learning], bool] = _always
    bootstraps: Callable[[Learning], bool] = _always

    def num_passes(self, learning: Learning) -> int:
        """Number of passes over the rollout in an update: num_epochs, or 1 where there is no such setting."""
        return learning.num_epochs if "num_epochs" in self.settings else 1

    def num_minibatches(self, learning: Learning) -> int:
        """Number of gradient steps of a pass: num_minibatches, or 1 where there is no such setting."""
        return learning.num_minibatches if "num_minibatches" in self.settings else 1

    def envs_per_start(self, learning: Learning) -> int:
        """Number of environments that begin in the same start state: group_size, or 1 without groups."""
        return learning.group_size if "group_size" in self.settings else 1

    def reference(self, learning: Learning) -> str | None:
        """The policy that is held on to: ``INITIAL`` or the name of a run; None where there is none."""
        holds_on = self.loss_holds_on or learning.reference_coef > 0 or learning.reference != INITIAL
        return learning.reference if holds_on else None

    def reference_path(self, learning: Learning) -> str | None:
        """The run whose policy is held on to; None where that is the one at the beginning, or none."""
        reference = self.reference(learning)
        return None if reference == INITIAL else reference


_CLIP_FRACTION = {"train/clip_fraction": "share of transitions whose ratio left the clip range"}

ALGORITHMS: dict[str, AlgorithmFacts] = {
    "ppo-clip": AlgorithmFacts(
        summary="limits each update by making larger moves of the policy worthless",
        formula="-mean min(ratio A, clip(ratio, 1 - eps_clip, 1 + eps_clip) A) + vf_coef value_loss",
        paper="Schulman et al. 2017, Proximal Policy Optimization Algorithms, eq. 7",
        code="ppo_clip:PpoClip",
        settings=(
            "num_epochs", "num_minibatches", "gae_lambda", "normalize_advantages", "eps_clip",
            "anneal_eps_clip", "target_kl", "vf_coef", "eps_clip_vf", "critic_learning_rate",
        ),
        metrics=_CLIP_FRACTION,
    ),
    "ppo-kl": AlgorithmFacts(
        summary="limits each update by a penalty on its exact KL divergence, with a weight that adapts",
        formula="-mean(ratio A) + kl_coef KL(old policy || policy) + vf_coef value_loss",
        paper="Schulman et al. 2017, Proximal Policy Optimization Algorithms, eq. 8",
        code="ppo_kl:PpoKl",
        settings=(
            "num_epochs", "num_minibatches", "gae_lambda", "normalize_advantages", "kl_target", "kl_coef",
            "vf_coef", "eps_clip_vf", "critic_learning_rate",
        ),
        metrics={
            "train/kl": "KL(old || new): how far the update moved the policy, exact, in nats",
            "train/kl_coef": "weight of the penalty on KL(old || new) in this iteration",
        },
    ),
    "spo": AlgorithmFacts(
        summary="pulls each update back by a parabola where ppo-clip lets go of it",
        formula="-mean(ratio A - abs(A) / (2 eps_clip) (ratio - 1)^2) + vf_coef value_loss",
        paper="Xie et al. 2024, Simple Policy Optimization",
        code="spo:Spo",
        settings=(
            "num_epochs", "num_minibatches", "gae_lambda", "normalize_advantages", "eps_clip",
            "anneal_eps_clip", "target_kl", "vf_coef", "eps_clip_vf", "critic_learning_rate",
        ),
        metrics=_CLIP_FRACTION,
    ),
    "a2c": AlgorithmFacts(
        summary="one step on a short rollout, then the next: no ratio, nothing to limit it",
        formula="-mean(log policy(a|s) A) + vf_coef value_loss",
        paper="Mnih et al. 2016, Asynchronous Methods for Deep Reinforcement Learning",
        code="a2c:A2c",
        settings=("gae_lambda", "normalize_advantages", "vf_coef", "critic_learning_rate"),
    ),
    "reinforce": AlgorithmFacts(
        summary="the policy gradient itself: one pass over whole episodes, nothing to limit it",
        formula="-mean(log policy(a|s) (return - baseline)) + vf_coef value_loss",
        paper="Williams 1992, Simple statistical gradient-following algorithms",
        code="reinforce:Reinforce",
        settings=(
            "num_minibatches", "returns", "baseline", "normalize_advantages", "vf_coef",
            "critic_learning_rate",
        ),
        whole_episodes=True,
        critic=lambda learning: learning.baseline == "value",
        bootstraps=lambda learning: learning.baseline == "value" and learning.returns == "to-go",
    ),
    "grpo": AlgorithmFacts(
        summary="no critic: episodes from one start state are judged against each other",
        formula=(
            "-mean min(ratio A, clip(ratio, 1 - eps_clip, 1 + clip_higher) A) + kl_coef k3(reference), "
            "A = (return - mean of group) / std of group"
        ),
        paper="Shao et al. 2024, DeepSeekMath; DAPO (Yu et al. 2025); Dr. GRPO (Liu et al. 2025)",
        code="grpo:Grpo",
        settings=(
            "num_epochs", "num_minibatches", "group_size", "divide_by_std", "dynamic_sampling", "loss_mean",
            "eps_clip", "clip_higher", "anneal_eps_clip", "target_kl", "kl_coef",
        ),
        metrics={
            **_CLIP_FRACTION,
            "train/kl_reference": "KL(policy || reference), k3 estimate, in nats",
        },
        whole_episodes=True,
        loss_holds_on=True,
        critic=_never,
        bootstraps=_never,
    ),
}  # fmt: skip


ROLES: dict[str, tuple[str, ...]] = {
    "passes": ("num_epochs",),
    "parts": ("num_minibatches",),
    "step": ("eps_clip", "clip_higher", "anneal_eps_clip", "target_kl", "kl_target"),
    "penalty": ("kl_coef",),
    "advantages": (
        "gae_lambda", "returns", "baseline", "group_size", "divide_by_std", "dynamic_sampling", "loss_mean",
        "normalize_advantages",
    ),
    "critic": ("vf_coef", "eps_clip_vf", "critic_learning_rate"),
}  # fmt: skip
"""Settings that not every algorithm uses, by what they are for; those of a role stand in for each other."""

_WITHOUT = {
    "passes": "it takes one pass over what it collected",
    "parts": "it takes one step on all that it collected",
    "step": "it has nothing that limits an update",
    "penalty": "it has no KL penalty",
    "critic": "it has no value network",
}
"""Messages about an algorithm that has no setting of a role."""


def check_declarations(known: Collection[str]) -> None:
    """Refuse facts that an author of an algorithm left incomplete.

    Args:
        known: Leaf names of all settings of ``learning``.

    Raises:
        UsageError: A setting does not exist, or has no role, so that every algorithm would take it.
    """
    here = "ppo_cli/config/algorithms.py"
    for name, facts in ALGORITHMS.items():
        for setting in facts.settings:
            if setting not in known:
                raise UsageError(
                    f"the algorithm {name} uses the setting {setting!r}, which does not exist",
                    hint=f"add it to Learning in ppo_cli/config/sections.py, or leave it out in {here}",
                    key=setting,
                )
            if not any(setting in names for names in ROLES.values()):
                raise UsageError(
                    f"the setting {setting} of the algorithm {name} has no role",
                    hint=f"say in ROLES in {here} what it is for; what every algorithm uses is not listed",
                    key=setting,
                )


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
    """Explain why an algorithm refuses a setting that it does not use, and what to do: message and hint.

    >>> objection("ppo-kl", "eps_clip")[0]
    'eps_clip is not used by ppo-kl; it has kl_target'
    """
    role = next(role for role, names in ROLES.items() if setting in names)
    own = [name for name in ROLES[role] if name in ALGORITHMS[algorithm].settings]
    instead = f"it has {_listed(own)}" if own else _WITHOUT[role]
    users = users_of(setting)
    hint = f"leave it out; {_listed(users)} use{'s' if len(users) == 1 else ''} {setting}"
    return f"{setting} is not used by {algorithm}; {instead}", hint


def _listed(names: Sequence[str]) -> str:
    """All names, the last after "and": other lists, in ``comparison.phrases``, are shortened."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
