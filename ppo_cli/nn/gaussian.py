"""The diagonal Gaussian distribution, as it is or bent into the bounds of an action."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ppo_cli.nn.bounds import Bounds
from ppo_cli.nn.masked import row_sum
from ppo_cli.nn.policy_output import PolicyOutput

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class DiagonalGaussian:
    """A normal distribution with a standard deviation that does not depend on the state.

    ``head [M, B, A]`` holds the means.

    Args:
        bounds: Of the actions, to bend what was sampled into them; None leaves it as it is. The bending does
            not depend on the policy, so it cancels out of ratios and divergences: log-probabilities and
            entropies are those of what was sampled, before it is bent.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Standard normal noise."""
        return rng.standard_normal(shape, dtype=np.float32)

    def sample(self, policy: PolicyOutput, noise: Tensor) -> Tensor:
        """The action a = mean + std * noise."""
        return torch.addcmul(policy.head, _log_std(policy).exp(), noise)

    def send(self, actions: Tensor) -> Tensor:
        """The action itself; bent into the bounds, low + (high - low) (tanh(a) + 1) / 2."""
        return actions if self.bounds is None else self.bounds.scale(0.5 * actions.tanh() + 0.5)

    def mode(self, policy: PolicyOutput) -> Tensor:
        """The mean."""
        return policy.head

    def log_prob(self, policy: PolicyOutput, actions: Tensor) -> Tensor:
        """Log p(a) = -sum(((a - mean) / std)^2 / 2 + log std + log(2 pi) / 2)."""
        log_std = _log_std(policy)
        z = (actions - policy.head) * (-log_std).exp()
        return -(0.5 * z * z + (log_std + HALF_LOG_2PI)).sum(-1)

    def log_prob_and_entropy(self, policy: PolicyOutput, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Log p(a) and H = sum(log std + (1 + log(2 pi)) / 2), the same for every state."""
        entropy = (_log_std(policy) + (0.5 + HALF_LOG_2PI)).sum(-1)
        return self.log_prob(policy, actions), entropy.expand(policy.head.shape[:2])

    def backward(
        self, policy: PolicyOutput, actions: Tensor, grad_log_prob: Tensor, grad_entropy: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Differentiate with respect to the mean: z / std of log p(a).

        With respect to log std: z^2 - 1 of log p(a), and 1 of the entropy.
        """
        inverse_std = (-_log_std(policy)).exp()
        z = (actions - policy.head) * inverse_std
        grad_mean = grad_log_prob[..., None] * z * inverse_std
        return grad_mean, over_batch((z * z - 1) * grad_log_prob[..., None] + grad_entropy[..., None])

    def kl(self, old: PolicyOutput, new: PolicyOutput) -> Tensor:
        """Sum of log(std_new / std_old) + (std_old^2 + (mean_old - mean_new)^2) / (2 std_new^2) - 1/2."""
        ratio, distance = _std_ratio_and_distance(old, new)
        return (0.5 * (ratio * ratio + distance * distance - 1) - ratio.log()).sum(-1)

    def kl_backward(
        self, old: PolicyOutput, new: PolicyOutput, grad_kl: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Differentiate with respect to the new mean: (mean_new - mean_old) / std_new^2.

        With respect to the new log std: 1 - (std_old^2 + (mean_old - mean_new)^2) / std_new^2.
        """
        ratio, distance = _std_ratio_and_distance(old, new)
        grad_mean = grad_kl[..., None] * distance * (-_log_std(new)).exp()
        return grad_mean, over_batch(grad_kl[..., None] * (1 - ratio * ratio - distance * distance))


def over_batch(values: Tensor) -> Tensor:  # [M, B, A] -> [M, A]
    """Sum over a member's batch, with the same bits whatever the number of members."""
    return row_sum(values[..., 0])[..., None] if values.shape[-1] == 1 else values.sum(1)


def _std_ratio_and_distance(old: PolicyOutput, new: PolicyOutput) -> tuple[Tensor, Tensor]:
    """Std_old / std_new ``[M, 1, A]`` and (mean_new - mean_old) / std_new ``[M, B, A]``."""
    ratio = (_log_std(old) - _log_std(new)).exp()
    return ratio, (new.head - old.head) * (-_log_std(new)).exp()


def _log_std(policy: PolicyOutput) -> Tensor:
    assert policy.log_std is not None, "a Gaussian needs log_std"
    return policy.log_std
