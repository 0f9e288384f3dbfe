"""What an algorithm decides: how advantages are estimated, and which loss is minimised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ppo_cli.hyperparams import Hyperparams
from ppo_cli.nn.actor_critic import PolicyOutput
from ppo_cli.nn.distributions import Distribution
from ppo_cli.rollout import Batch, Rollout


@dataclass(frozen=True)
class LossTerms:
    """A loss and what is worth knowing about it, each ``[M]``.

    Attributes:
        loss: What is minimised; its sum over members is differentiated.
        metrics: Detached values by metric name (``train/...``).
        approx_kl: How far the policy has moved, for the early stop of epochs.
    """

    loss: Tensor
    metrics: dict[str, Tensor]
    approx_kl: Tensor


class Algorithm(Protocol):
    """One way to improve a policy from what it did."""

    def targets(
        self,
        rollout: Rollout,
        values: Tensor,  # [M, T + 1, N]
        hyper: Hyperparams,
    ) -> tuple[Tensor, Tensor]:  # [M, T, N] each
        """Advantages and value targets."""

    def loss(
        self,
        policy: PolicyOutput,
        new_values: Tensor,  # [M, B]
        distribution: Distribution,
        batch: Batch,
        hyper: Hyperparams,
        eps_clip: Tensor,  # [M], after annealing
    ) -> LossTerms:
        """The loss of one minibatch."""
