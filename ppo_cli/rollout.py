"""Collecting transitions, and cutting them into minibatches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ppo_cli import advantages
from ppo_cli.masked import mask_weights
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.distributions import Distribution
from ppo_cli.nn.normalize import ObsNormalizer
from ppo_cli.rng import Stream, generator

if TYPE_CHECKING:
    from ppo_cli.envs.member_envs import MemberEnvs


@dataclass(frozen=True)
class Rollout:
    """``num_steps`` transitions of every environment of every member.

    Attributes:
        obs: What the networks saw, one more than there are steps, ``[M, T + 1, N, O]``.
        actions: What was sampled, ``[M, T, N]`` int64 or ``[M, T, N, A]`` float32.
        rewards: What the learner sees, ``[M, T, N]``.
        terminated: The episode ended for good, ``[M, T, N]`` bool.
        truncated: The episode was cut, ``[M, T, N]`` bool.
        mask: False for the filler after an episode's end, ``[M, T, N]`` bool.
        raw_obs: Observations before normalisation, ``[M, T + 1, N, O]``.
        seconds: Time spent in the environments and in the policy.
    """

    obs: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor
    mask: Tensor
    raw_obs: Tensor
    seconds: dict[str, float]


def collect_steps(
    net: ActorCritic,
    distribution: Distribution,
    params: Tensor,  # [M, P]
    envs: MemberEnvs,
    normalizer: ObsNormalizer,
    noise: Tensor,  # [M, T, N, ...]
) -> Rollout:
    """Play every environment for T steps with the members' current policies."""
    num_members, num_steps, num_envs = noise.shape[:3]
    raw_obs = torch.empty(num_members, num_steps + 1, num_envs, net.spec.obs_size)
    obs = torch.empty_like(raw_obs) if normalizer.enabled else raw_obs
    if net.continuous:
        actions = torch.empty(num_members, num_steps, num_envs, net.num_actions)
    else:
        actions = torch.empty(num_members, num_steps, num_envs, dtype=torch.int64)
    rewards = torch.empty(num_members, num_steps, num_envs)
    flags = torch.empty(3, num_members, num_steps, num_envs, dtype=torch.bool)
    raw_view, reward_view, flag_view = raw_obs.numpy(), rewards.numpy(), flags.numpy()
    obs_by_step, raw_by_step = obs.unbind(1), raw_obs.unbind(1)
    act, in_environments, started = net.actor(params), 0.0, time.perf_counter()
    raw_view[:, 0] = envs.obs
    for t, (step_noise, step_actions) in enumerate(zip(noise.unbind(1), actions.unbind(1), strict=True)):
        if normalizer.enabled:
            obs_by_step[t].copy_(normalizer(raw_by_step[t]))
        action = step_actions.copy_(distribution.sample(act(obs_by_step[t]), step_noise))
        before = time.perf_counter()
        step = envs.step(sendable(distribution.send(action)).numpy())
        raw_view[:, t + 1] = step.obs
        reward_view[:, t] = step.rewards
        flag_view[0, :, t], flag_view[1, :, t], flag_view[2, :, t] = (
            step.terminated,
            step.truncated,
            step.mask,
        )
        in_environments += time.perf_counter() - before
    if normalizer.enabled:
        obs_by_step[-1].copy_(normalizer(raw_by_step[-1]))
    seconds = {"environment": in_environments, "policy": time.perf_counter() - started - in_environments}
    return Rollout(obs, actions, rewards, flags[0], flags[1], flags[2], raw_obs, seconds)


def action_noise(
    distribution: Distribution,
    seeds: Sequence[int],
    iteration: int,
    shape: tuple[int, int, int],  # T, N, A
) -> Tensor:  # [M, T, N, ...]
    """The noise of one iteration, a block per member from its own stream."""
    blocks = [distribution.noise(generator(seed, Stream.ACTION, iteration), shape) for seed in seeds]
    return torch.from_numpy(np.stack(blocks))


def sendable(actions: Tensor) -> Tensor:
    """Actions as an environment may get them: a diverged policy's NaN must not reach a physics engine."""
    return torch.nan_to_num(actions) if actions.is_floating_point() else actions


@dataclass(frozen=True)
class Batch:
    """Transitions ready for the update, each ``[M, B, ...]``.

    ``weights`` are 1 for real transitions and 0 for fillers, until :func:`minibatches` makes them what a mean
    needs: in each minibatch they sum to one within a member.
    """

    obs: Tensor  # [M, B, O]
    actions: Tensor  # [M, B] or [M, B, A]
    log_probs: Tensor  # [M, B]
    values: Tensor  # [M, B]
    advantages: Tensor  # [M, B]
    returns: Tensor  # [M, B]
    weights: Tensor  # [M, B]

    def unbind(self) -> list[Batch]:
        """The parts of a batch ``[K, M, B, ...]``."""
        columns = (getattr(self, field.name).unbind(0) for field in fields(self))
        return [Batch(*values) for values in zip(*columns, strict=True)]


def permutations(
    seeds: Sequence[int], iteration: int, num_epochs: int, batch_size: int
) -> Tensor:  # [M, E, B]
    """An order of the batch for each epoch, per member from its own stream."""
    order = np.broadcast_to(np.arange(batch_size), (num_epochs, batch_size))
    shuffles = [generator(seed, Stream.SHUFFLE, iteration).permuted(order, axis=1) for seed in seeds]
    return torch.from_numpy(np.stack(shuffles))


def minibatches(
    batch: Batch,
    order: Tensor,  # [M, B], each member's own order
    num_minibatches: int,
    normalize: Tensor,  # [M] bool: normalise advantages within each minibatch
) -> Batch:
    """The batch, shuffled and cut into K = ``num_minibatches`` parts: ``[K, M, B / K, ...]``.

    What depends on the cut alone is computed for all parts at once: the weights, the normalised advantages.
    """
    num_members, batch_size = order.shape
    rows = order + batch_size * torch.arange(num_members)[:, None]
    rows = rows.view(num_members, num_minibatches, -1).transpose(0, 1).reshape(-1)
    parts = {field.name: _cut(getattr(batch, field.name), rows, num_minibatches) for field in fields(Batch)}
    parts["weights"] = mask_weights(parts["weights"])
    if normalize.any():
        normalized = advantages.normalize(parts["advantages"], parts["weights"])
        parts["advantages"] = torch.where(normalize[:, None], normalized, parts["advantages"])
    return Batch(**parts)


def _cut(values: Tensor, rows: Tensor, num_minibatches: int) -> Tensor:  # [M, B, ...] -> [K, M, B / K, ...]
    picked = values.flatten(0, 1).index_select(0, rows)
    return picked.view(num_minibatches, values.shape[0], -1, *values.shape[2:])
