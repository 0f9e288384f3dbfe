"""The policy that training holds on to: the one that it began with, or that of another run.

The policy of another run is copied into the run's folder when training begins, so that a resumed run needs
nothing but itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from torch import Tensor

from ppo_cli.errors import UsageError
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.distributions import Distribution
from ppo_cli.policy import Policy, load_policy
from ppo_cli.population import Member
from ppo_cli.rollout import Rollout
from ppo_cli.spaces import EnvSpec

INITIAL = "initial"


class Reference(Protocol):
    """Says how likely a reference policy would have been to do what was done."""

    def log_probs(self, rollout: Rollout) -> Tensor:  # [M, T * N]
        """Log-probability of the rollout's actions under each member's reference."""

    def keep(self, rows: Tensor) -> Reference:
        """The references of some members."""


@dataclass(frozen=True)
class InitialPolicies:
    """Every member's own policy before training.

    Attributes:
        net: The networks' shape.
        distribution: How actions are drawn.
        params: Initial parameters, ``[M, P]``.
    """

    net: ActorCritic
    distribution: Distribution
    params: Tensor

    def log_probs(self, rollout: Rollout) -> Tensor:
        """It sees observations as the policy in training does, normalised as they are now."""
        policy, _ = self.net.forward(self.params, rollout.obs[:, :-1].flatten(1, 2))
        return self.distribution.log_prob(policy, rollout.actions.flatten(1, 2))

    def keep(self, rows: Tensor) -> InitialPolicies:
        """See :class:`Reference`."""
        return replace(self, params=self.params[rows])


@dataclass(frozen=True)
class PolicyOfARun:
    """One policy for all members.

    Attributes:
        policy: The policy.
        num_members: M.
    """

    policy: Policy
    num_members: int

    def log_probs(self, rollout: Rollout) -> Tensor:
        """It sees raw observations, which it normalises by its own statistics."""
        params = self.policy.params.expand(self.num_members, -1).contiguous()
        obs = self.policy.normalizer(rollout.raw_obs[:, :-1].flatten(1, 2))
        policy, _ = self.policy.net.forward(params, obs)
        return self.policy.distribution.log_prob(policy, rollout.actions.flatten(1, 2))

    def keep(self, rows: Tensor) -> PolicyOfARun:
        """See :class:`Reference`."""
        return replace(self, num_members=len(rows))


def reference_policy(members: Sequence[Member], spec: EnvSpec) -> Policy:
    """The policy of another run that these members share, from their own copies where they have some.

    Raises:
        UsageError: There is no policy at that place, or it is not one for this environment and these actions.
        CorruptFileError: It is damaged.
        StorageError: It cannot be copied into a run's folder.
    """
    first = members[0]
    copy = first.run_dir.reference_path if first.run_dir else None
    source = copy if copy is not None and copy.exists() else Path(first.config.learning.reference)
    policy = load_policy(source)
    check_reference(policy, first, spec)
    for member in members:
        if member.run_dir and not member.run_dir.reference_path.exists():
            policy.save(member.run_dir.reference_path)
    return policy


def check_reference(policy: Policy, member: Member, spec: EnvSpec) -> None:
    """Refuse a reference that cannot judge what this member does.

    Raises:
        UsageError: It has other observations, actions, or another kind of distribution.
    """
    own, network = policy.shape, member.config.network
    continuous = spec.action.kind == "box"
    for what, found, expected in (
        ("observations", own.spec.obs_size, spec.obs_size),
        ("actions", own.spec.action, spec.action),
        ("policy", own.policy if continuous else None, network.policy if continuous else None),
        ("squash", own.squash if continuous else None, network.squash if continuous else None),
    ):
        if found != expected:
            raise UsageError(
                f"the reference {member.config.learning.reference} does not fit: its {what} {found}, "
                f"here {expected}",
                hint="give a run of the same environment and the same kind of policy, or reference=initial",
                key="learning.reference",
            )
