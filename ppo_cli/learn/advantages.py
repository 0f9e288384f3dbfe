"""Advantage estimates: pure functions over rollouts ``[M, T, N]``."""

from __future__ import annotations

import torch
from torch import Tensor

from ppo_cli.nn.masked import masked_mean


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
    return backward_sums(deltas, (gamma * gae_lambda)[:, None, None] * (~(terminated | truncated)))


def rewards_to_go(
    rewards: Tensor,  # [M, T, N]
    values: Tensor,  # [M, T + 1, N]; zeros where there is no critic
    terminated: Tensor,  # [M, T, N] bool
    truncated: Tensor,  # [M, T, N] bool
    gamma: Tensor,  # [M]
) -> Tensor:  # [M, T, N]
    """Compute the sum of an episode's rewards from each step on (Williams 1992).

        R_t = r_t + gamma R_{t+1}, and R_{t+1} = 0 after the end

    After a truncation the critic says what would have come, V(s_{t+1}).
    """
    ends = terminated | truncated
    cut = truncated & ~terminated
    discount = gamma[:, None, None]
    # What was cut off is paid with the last step.
    rewards = torch.where(cut, torch.addcmul(rewards, discount, values[:, 1:]), rewards)
    return backward_sums(rewards, discount * (~ends))


def backward_sums(
    terms: Tensor,  # [M, T, N]
    decay: Tensor,  # [M, T, N]
) -> Tensor:  # [M, T, N]
    """x_t = terms_t + decay_t x_{t+1}, from the last step to the first."""
    sums = torch.empty_like(terms)
    trace = torch.zeros_like(terms[:, 0])
    steps = zip(terms.unbind(1), decay.unbind(1), sums.unbind(1), strict=True)
    for term, keep, out in reversed(list(steps)):
        trace = torch.addcmul(term, keep, trace, out=out)
    return sums


def episode_starts(mask: Tensor) -> Tensor:  # [M, T, N] bool -> [M, T, N] bool
    """The first step of every episode of a rollout of whole episodes: it has no real step before it."""
    starts = mask.clone()
    starts[:, 1:] &= ~mask[:, :-1]
    return starts


def hold(
    at_start: Tensor,  # [M, T, N], looked at where an episode starts
    starts: Tensor,  # [M, T, N] bool
) -> Tensor:  # [M, T, N]
    """The value at the start of each episode, held through all of its steps."""
    held = torch.empty_like(at_start)
    now = torch.zeros_like(at_start[:, 0])
    for value, start, out in zip(at_start.unbind(1), starts.unbind(1), held.unbind(1), strict=True):
        now = torch.where(start, value, now)
        out.copy_(now)
    return held


def episode_lengths(terminated: Tensor, truncated: Tensor) -> Tensor:  # [M, T, N] bool -> [M, T, N]
    """Steps from each step to the end of its episode, itself included: at the start, the length."""
    ends = terminated | truncated
    ones = torch.ones(ends.shape)
    count = torch.zeros(ends.shape[0], ends.shape[1] + 1, ends.shape[2])
    return rewards_to_go(ones, count, terminated, truncated, torch.ones(ends.shape[0]))


def group_relative(
    returns: Tensor,  # [..., N], one per episode
    group_size: int,  # N is cut into groups of so many neighbours
    divide_by_std: Tensor,  # [..., 1] bool
    rounding: Tensor | float = 0.0,  # [..., N], by how much a return may be wrong
) -> tuple[Tensor, Tensor]:  # [..., N], [..., N] bool
    """Compute how much better an episode was than the others of its group (Shao et al. 2024).

        A_i = (R_i - mean(R)) / (std(R) + 1e-8), without the division for Dr. GRPO (Liu et al. 2025)

    Returns:
        The advantages, and whether the group's returns differ by more than ``rounding``: where they do not,
        A is 0. (Otherwise noise would be divided by noise.)
    """
    groups = returns.view(*returns.shape[:-1], -1, group_size)
    wrong = torch.as_tensor(rounding).expand_as(returns).reshape(groups.shape).amax(-1, keepdim=True)
    differ = groups.amax(-1, keepdim=True) - groups.amin(-1, keepdim=True) > wrong
    centred = groups - groups.mean(-1, keepdim=True)
    std = centred.square().mean(-1, keepdim=True).sqrt_()
    scaled = torch.where(divide_by_std[..., None], centred / (std + 1e-8), centred)
    relative = torch.where(differ, scaled, 0.0)
    return relative.flatten(-2), differ.expand_as(groups).flatten(-2)


def normalize(
    advantages: Tensor,  # [..., B]
    weights: Tensor,  # [..., B], see masked.mask_weights
) -> Tensor:  # [..., B]
    """Advantages with mean 0 and standard deviation 1 over each member's real transitions."""
    centred = advantages - masked_mean(advantages, weights)[..., None]
    std = masked_mean(centred * centred, weights).sqrt_()
    return centred.div_(std[..., None] + 1e-8)
