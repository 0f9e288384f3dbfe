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
    """What a loss says about one minibatch.

    The policy enters a loss through the log-probability of the actions taken and through its entropy, the
    critic through its values. So the derivatives with respect to these three are all that the networks need;
    the first is what distinguishes one policy gradient method from another.

    Attributes:
        by_log_prob: d loss / d log-probability, ``[M, B]``.
        by_entropy: d loss / d entropy, ``[M, B]``.
        by_value: d loss / d value, ``[M, B]``.
        metrics: Values by metric name (``train/...``), ``[M]`` each.
        approx_kl: How far the policy has moved, for the early stop of epochs, ``[M]``.
    """

    by_log_prob: Tensor
    by_entropy: Tensor
    by_value: Tensor
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
        hyper: Hyperparams,  # annealed
    ) -> LossTerms:
        """The loss of one minibatch and its derivatives."""
