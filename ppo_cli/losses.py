"""Losses: one formula, one function; a mean within each member ``[M]``, never over members."""

from __future__ import annotations

import torch
from torch import Tensor

from ppo_cli.masked import masked_mean


def clipped_surrogate(
    ratio: Tensor,  # [M, B], pi / pi_old of the action taken
    advantages: Tensor,  # [M, B]
    eps_clip: Tensor,  # [M]
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M]
    """L = -mean min(ratio A, clip(ratio, 1 - eps, 1 + eps) A) (Schulman et al. 2017, eq. 7)."""
    eps = eps_clip[:, None]
    clipped = ratio.clamp(1 - eps, 1 + eps)
    return -masked_mean(torch.minimum(ratio * advantages, clipped * advantages), weights)


def value_loss(
    new_values: Tensor,  # [M, B]
    values: Tensor,  # [M, B], at collection
    returns: Tensor,  # [M, B], targets
    eps_clip_vf: Tensor,  # [M], infinite where the value is not clipped
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M]
    """L = mean max((V - R)^2, (clip(V, V_old - eps, V_old + eps) - R)^2) / 2."""
    errors = (new_values - returns).square()
    if bool(torch.isinf(eps_clip_vf).all()):
        return 0.5 * masked_mean(errors, weights)
    eps = eps_clip_vf[:, None]
    clipped = torch.clamp(new_values, values - eps, values + eps)
    return 0.5 * masked_mean(torch.maximum(errors, (clipped - returns).square()), weights)


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
    eps_clip: Tensor,  # [M]
    weights: Tensor,  # [M, B]
) -> Tensor:  # [M]
    """Share of transitions whose ratio is outside the clip range."""
    return masked_mean(((ratio - 1).abs() > eps_clip[:, None]).float(), weights)
