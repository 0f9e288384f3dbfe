"""The agent's data: a batch of transitions with their targets, and the policy in training on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ppo_cli.learn import advantages
from ppo_cli.learn.minibatches import shuffled
from ppo_cli.nn.distributions import Distribution
from ppo_cli.nn.masked import mask_weights
from ppo_cli.nn.policy_output import PolicyOutput


@dataclass(frozen=True)
class Batch:
    """Transitions ready for the update, each ``[M, B, ...]``.

    ``weights`` say how much a transition counts, 0 for fillers, until :func:`agent_minibatches` makes them
    what a mean needs: in each minibatch they sum to one within a member.
    """

    obs: Tensor  # [M, B, O]
    actions: Tensor  # [M, B] or [M, B, A]
    log_probs: Tensor  # [M, B], at collection
    values: Tensor  # [M, B], at collection
    advantages: Tensor  # [M, B]
    returns: Tensor  # [M, B], targets of the value network
    weights: Tensor  # [M, B]
    old_policy: PolicyOutput | None = None  # at collection, for algorithms that need more than its log_probs
    ref_log_probs: Tensor | None = None  # [M, B], of the reference policy, for algorithms that have one


def agent_minibatches(
    batch: Batch,  # [M, B, ...]
    order: Tensor,  # [M, B]
    num_minibatches: int,
    normalize: Tensor,  # [M] bool: normalise advantages within each minibatch
) -> Batch:  # [K, M, B / K, ...]
    """Shuffle and cut the batch, then weigh and normalise within each minibatch, of all K at once."""
    cut = shuffled(batch, order, num_minibatches)
    weights, estimates = mask_weights(cut.weights), cut.advantages
    if normalize.any():
        normalized = advantages.normalize(estimates, weights)
        estimates = torch.where(normalize[:, None], normalized, estimates)
    return replace(cut, weights=weights, advantages=estimates)


@dataclass(frozen=True)
class PolicyView:
    """The policy in training on a batch: all that a loss may use of it.

    A loss gets one minibatch, ``[M, B]``; metrics get the K of an epoch, ``[K, M, B]``, without their KL.

    Attributes:
        log_probs: Log pi of the actions taken, ``[M, B]``.
        log_ratio: Log of pi / pi_old of the actions taken, ``[M, B]``.
        entropy: In nats, ``[M, B]``.
        compute_kl: Computes :attr:`kl`; None where the policy at collection was not kept.
    """

    log_probs: Tensor
    log_ratio: Tensor
    entropy: Tensor
    compute_kl: Callable[[], Tensor] | None = None

    @classmethod
    def of_output(cls, distribution: Distribution, output: PolicyOutput, batch: Batch) -> PolicyView:
        """Read the networks' output on a batch."""
        log_probs, entropy = distribution.log_prob_and_entropy(output, batch.actions)
        old = batch.old_policy
        compute_kl = None if old is None else lambda: distribution.kl(old, output)
        return cls(log_probs, log_probs - batch.log_probs, entropy, compute_kl)

    @property
    def kl(self) -> Tensor:  # [M, B]
        """KL(pi_old || pi) in nats, exact, for algorithms with ``needs_kl``."""
        assert self.compute_kl is not None, "needs_kl is not set, or these are several minibatches"
        return self.compute_kl()


def explained_variance(batch: Batch) -> Tensor:  # [M]
    """1 - Var(returns - values) / Var(returns) over real transitions, member by member."""
    results = []
    all_weights, all_returns, all_values = (
        values.numpy() for values in (batch.weights, batch.returns, batch.values)
    )
    for m in range(len(all_returns)):
        real = all_weights[m] > 0
        returns = all_returns[m][real].astype(np.float64)
        variance = _variance(returns) if len(returns) else 0.0
        left = _variance(returns - all_values[m][real]) if variance > 0 else math.nan
        results.append(1 - left / variance if variance > 0 else math.nan)
    return torch.tensor(results)


def _variance(values: np.ndarray) -> np.float64:  # [B]
    """``values.var()`` to the bit, in half the time."""
    with np.errstate(over="ignore", invalid="ignore"):  # what diverged is told in words
        centred = values - np.add.reduce(values) / len(values)
        variance: np.float64 = np.add.reduce(centred * centred) / len(values)
    return variance
