"""Losses: one formula, one function; a mean within each member ``[M]``, never over members.

Beside a loss stands its derivative with respect to what it is a function of, ``..._grad``. The tests hold one
to the other by automatic differentiation; algorithms may offer the derivatives to the trainer, because for
networks this small the bookkeeping of automatic differentiation costs more than the arithmetic.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ppo_cli.nn.masked import masked_mean


def clipped_surrogate(
    ratio: Tensor,  # [M, B], pi / pi_old of the action taken
    advantages: Tensor,  # [M, B]
    eps_low: Tensor,  # [M]
    eps_high: Tensor,  # [M], the same but for the clip-higher of DAPO (Yu et al. 2025)
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M]
    """L = -mean min(ratio A, clip(ratio, 1 - eps, 1 + eps) A) (Schulman et al. 2017, eq. 7)."""
    clipped = ratio.clamp(1 - eps_low[:, None], 1 + eps_high[:, None])
    return -masked_mean(torch.minimum(ratio * advantages, clipped * advantages), weights)


def clipped_surrogate_grad(
    ratio: Tensor,  # [M, B]
    advantages: Tensor,  # [M, B]
    eps_low: Tensor,  # [M]
    eps_high: Tensor,  # [M]
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M, B]
    """Derivative with respect to log pi: -ratio A / n where the ratio is not clipped, and 0 where it is.

    It is clipped where moving on would be worthless: A > 0 and ratio > 1 + eps, or A < 0 and ratio < 1 - eps.
    """
    gain = ratio * advantages
    free = gain <= ratio.clamp(1 - eps_low[:, None], 1 + eps_high[:, None]) * advantages
    return gain.mul_(weights).neg_().masked_fill_(~free, 0.0)


def surrogate(
    ratio: Tensor,  # [M, B]
    advantages: Tensor,  # [M, B]
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M]
    """L = -mean(ratio A) (Schulman et al. 2017, eq. 6)."""
    return -masked_mean(ratio * advantages, weights)


def surrogate_grad(
    ratio: Tensor,  # [M, B]
    advantages: Tensor,  # [M, B]
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M, B]
    """Derivative with respect to log pi: -ratio A / n."""
    return (ratio * advantages).mul_(weights).neg_()


def policy_gradient(
    log_probs: Tensor,  # [M, B], of the actions taken
    advantages: Tensor,  # [M, B]
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M]
    """L = -mean(log pi A) (Williams 1992)."""
    return -masked_mean(log_probs * advantages, weights)


def policy_gradient_grad(
    advantages: Tensor,  # [M, B]
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M, B]
    """Derivative with respect to log pi: -A / n."""
    return -(advantages * weights)


def k3(log_ratio: Tensor) -> Tensor:  # [M, B] -> [M, B]
    """An estimate of KL(this || other) that is never negative: exp(d) - d - 1 (Schulman 2020).

    Args:
        log_ratio: d, the logarithm of the other policy's probability of the action taken over this one's.
    """
    return log_ratio.exp() - log_ratio - 1


def k3_grad(log_ratio: Tensor) -> Tensor:  # [M, B] -> [M, B]
    """Derivative with respect to this policy's log-probability: 1 - exp(d)."""
    return 1 - log_ratio.exp()


def value_loss(
    new_values: Tensor,  # [M, B]
    values: Tensor,  # [M, B], at collection
    returns: Tensor,  # [M, B], targets
    eps_clip_vf: Tensor | None,  # [M], infinite where the value is not clipped; None when it is for nobody
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M]
    """L = mean max((V - R)^2, (clip(V, V_old - eps, V_old + eps) - R)^2) / 2."""
    errors = (new_values - returns).square()
    if eps_clip_vf is None:
        return 0.5 * masked_mean(errors, weights)
    eps = eps_clip_vf[:, None]
    clipped = torch.clamp(new_values, values - eps, values + eps)
    return 0.5 * masked_mean(torch.maximum(errors, (clipped - returns).square()), weights)


def value_loss_grad(
    new_values: Tensor,  # [M, B]
    values: Tensor,  # [M, B]
    returns: Tensor,  # [M, B]
    eps_clip_vf: Tensor | None,  # [M]
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M, B]
    """Derivative with respect to V: (V - R) / n, and 0 where the clipped value is worse and stands still."""
    errors = new_values - returns
    if eps_clip_vf is None:
        return errors.mul_(weights)
    eps = eps_clip_vf[:, None]
    clipped = torch.clamp(new_values, values - eps, values + eps)
    stuck = ((clipped - returns).square() > errors.square()) & (clipped != new_values)
    return errors.mul_(weights).masked_fill_(stuck, 0.0)


def approx_kl(
    log_ratio: Tensor,  # [M, B], log pi - log pi_old of the action taken
    ratio: Tensor,  # [M, B], its exponential
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M]
    """KL(pi_old || pi) by the k3 estimate, mean((ratio - 1) - log ratio).

    Source: Schulman 2020, "Approximating KL divergence".
    """
    return masked_mean(ratio - 1 - log_ratio, weights)


def clip_fraction(
    ratio: Tensor,  # [M, B]
    eps_low: Tensor,  # [M]
    eps_high: Tensor,  # [M]
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M]
    """Share of transitions whose ratio is outside the clip range."""
    outside = (ratio - 1 > eps_high[:, None]) | (1 - ratio > eps_low[:, None])
    return masked_mean(outside.float(), weights)
