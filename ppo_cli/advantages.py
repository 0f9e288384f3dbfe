"""Advantage estimates: pure functions over rollouts ``[M, T, N]``."""

from __future__ import annotations

import torch
from torch import Tensor

from ppo_cli.masked import masked_mean


def gae(
    rewards: Tensor,  # [M, T, N]
    values: Tensor,  # [M, T + 1, N], the last one bootstraps
    terminated: Tensor,  # [M, T, N] bool
    truncated: Tensor,  # [M, T, N] bool
    gamma: Tensor,  # [M]
    gae_lambda: Tensor,  # [M]
) -> Tensor:  # [M, T, N]
    """Generalised advantage estimation (Schulman et al. 2016, eq. 16).

        delta_t = r_t + gamma V(s_{t+1}) (1 - terminated_t) - V(s_t)
        A_t     = delta_t + gamma lambda (1 - done_t) A_{t+1}

    A terminated state has no future. A truncated one has a future, V of its last observation, but its trace
    ends: with next-step autoreset that observation is the one at t + 1, so no special case is needed.
    """
    future = gamma[:, None, None] * (~terminated)
    deltas = torch.addcmul(rewards, future, values[:, 1:]).sub_(values[:, :-1])
    decay = (gamma * gae_lambda)[:, None, None] * (~(terminated | truncated))
    advantages = torch.empty_like(rewards)
    trace = torch.zeros_like(rewards[:, 0])
    steps = zip(deltas.unbind(1), decay.unbind(1), advantages.unbind(1), strict=True)
    for delta, keep, advantage in reversed(list(steps)):
        trace = torch.addcmul(delta, keep, trace, out=advantage)
    return advantages


def normalize(
    advantages: Tensor,  # [..., B]
    weights: Tensor,  # [..., B], see masked.mask_weights
) -> Tensor:  # [..., B]
    """Advantages with mean 0 and standard deviation 1 over each member's real transitions."""
    centred = advantages - masked_mean(advantages, weights)[..., None]
    std = masked_mean(centred * centred, weights).sqrt_()
    return centred.div_(std[..., None] + 1e-8)
