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
class Derivatives:
    """What a loss asks of the networks, and what its metrics are made from; each ``[M, B]``.

    The policy enters a loss through the log-probability of the actions taken and through its entropy, the
    critic through its values. So the derivatives with respect to these three are all that the networks need;
    the first is what distinguishes one policy gradient method from another.

    Attributes:
        by_log_prob: d loss / d log-probability.
        by_entropy: d loss / d entropy.
        by_value: d loss / d value.
        log_ratio: log pi - log pi_old of the actions taken.
        entropies: Entropy of the policy.
    """

    by_log_prob: Tensor
    by_entropy: Tensor
    by_value: Tensor
    log_ratio: Tensor
    entropies: Tensor


class Algorithm(Protocol):
    """One way to improve a policy from what it did."""

    def targets(
        self,
        rollout: Rollout,
        values: Tensor,  # [M, T + 1, N]
        hyper: Hyperparams,
    ) -> tuple[Tensor, Tensor]:  # [M, T, N] each
        """Advantages and value targets."""

    def derivatives(
        self,
        policy: PolicyOutput,
        new_values: Tensor,  # [M, B]
        distribution: Distribution,
        batch: Batch,
        hyper: Hyperparams,  # annealed
    ) -> Derivatives:
        """The derivatives of the loss on one minibatch: all that an update needs."""

    def metrics(
        self,
        log_ratio: Tensor,  # [K, M, B]
        entropies: Tensor,  # [K, M, B]
        new_values: Tensor,  # [K, M, B]
        batch: Batch,  # [K, M, B, ...]
        hyper: Hyperparams,  # annealed
    ) -> dict[str, Tensor]:
        """The parts of the loss on K minibatches by metric name (``train/...``), ``[K, M]`` each."""
