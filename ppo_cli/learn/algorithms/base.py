"""What an algorithm decides: what it collects, how it judges actions, which loss the policy minimises.

All share the rest of the loss, vf_coef * value loss - ent_coef * entropy, and the loop around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Batch, Collector, Rollout
from ppo_cli.nn.distributions import Distribution
from ppo_cli.nn.policy_output import PolicyOutput


@dataclass(frozen=True)
class Targets:
    """What an algorithm makes of a rollout; each ``[M, T, N]``.

    Attributes:
        advantages: How much better an action was than was to be expected.
        returns: What the critic is to learn.
        weights: How much a step counts, 0 for what is not learned from.
    """

    advantages: Tensor
    returns: Tensor
    weights: Tensor


class Penalty(Protocol):
    """A part of the loss that looks at the whole policy before the update, with a weight that adapts."""

    @property
    def coefficient(self) -> str:
        """The hyperparameter that is its weight: ``[M]``, and part of the training state."""

    def by_policy(
        self, distribution: Distribution, policy: PolicyOutput, batch: Batch, hyper: Hyperparams
    ) -> tuple[Tensor, Tensor | None]:
        """Derivative with respect to what the policy says, as :meth:`Distribution.backward` gives it."""

    def adapt(
        self,
        kl: Tensor,  # [M], KL(pi_old || pi) over the rollout after the update
        hyper: Hyperparams,
    ) -> Tensor:  # [M]
        """The weight for the next iteration."""


class Algorithm(Protocol):
    """One way to improve a policy from what it did."""

    @property
    def collect(self) -> Collector:
        """What it learns from: a fixed number of steps, or whole episodes."""

    @property
    def has_critic(self) -> bool:
        """Whether a value network is built."""

    @property
    def reference(self) -> str | None:
        """The policy that it holds on to: ``"initial"``, a path, or None."""

    @property
    def penalty(self) -> Penalty | None:
        """What moving away from the policy that collected costs, or None."""

    @property
    def logged(self) -> tuple[str, ...]:
        """Hyperparameters that change while it trains and are worth a metric."""

    def targets(
        self,
        rollout: Rollout,
        rewards: Tensor,  # [M, T, N], scaled
        values: Tensor,  # [M, T + 1, N], zeros without a critic
        hyper: Hyperparams,
    ) -> Targets:
        """Advantages and value targets."""

    def by_log_prob(
        self,
        log_ratio: Tensor,  # [M, B], log pi - log pi_old of the actions taken
        batch: Batch,
        hyper: Hyperparams,  # annealed
    ) -> Tensor:  # [M, B]
        """The derivative of the policy's loss on one minibatch with respect to log pi.

        It is what distinguishes one policy gradient method from another.
        """

    def metrics(
        self,
        log_ratio: Tensor,  # [K, M, B]
        batch: Batch,  # [K, M, B, ...]
        hyper: Hyperparams,  # annealed
    ) -> dict[str, Tensor]:
        """The policy's loss on K minibatches, and what belongs to it, by metric name, ``[K, M]`` each."""
