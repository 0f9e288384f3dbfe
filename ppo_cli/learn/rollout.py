"""Collecting transitions: a fixed number of steps, or whole episodes, with the members' current policies."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ppo_cli.kernels import judging
from ppo_cli.kernels.playing import ENDLESSLY, WHOLE_EPISODES
from ppo_cli.kernels.streams import generators
from ppo_cli.learn import advantages
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.compiled import CompiledActorCritic, by_rows
from ppo_cli.nn.distributions import Distribution
from ppo_cli.nn.normalize import ObsNormalizer
from ppo_cli.rng import Stream, generator

if TYPE_CHECKING:
    from ppo_cli.envs.member_envs import MemberEnvs


KEPT = ("obs", "actions", "rewards", "terminated", "truncated", "mask", "idle", "raw_obs")
"""The tensors of a rollout."""


@dataclass(frozen=True)
class Rollout:
    """``num_steps`` steps of every environment of every member.

    Attributes:
        obs: Observations as the networks saw them, normalised; one more than steps, ``[M, T + 1, N, O]``.
        actions: Actions as they were sampled, ``[M, T, N]`` int64 or ``[M, T, N, A]`` float32.
        rewards: Rewards as the learner sees them, ``[M, T, N]``.
        terminated: The episode ended for good, ``[M, T, N]`` bool.
        truncated: The episode was cut off, by its time limit for example, ``[M, T, N]`` bool.
        mask: False for the filler after an episode's end, ``[M, T, N]`` bool.
        idle: True where the environment waited for the end of the rollout, ``[M, T, N]`` bool.
        raw_obs: Observations before normalisation, ``[M, T + 1, N, O]``.
        seconds: Time spent in the environments and in the policy.
        kernels: The compiled kernels, if they judge it; else torch does.
    """

    obs: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor
    mask: Tensor
    idle: Tensor
    raw_obs: Tensor
    seconds: dict[str, float]
    kernels: ctypes.CDLL | None = None

    def gae(self, values: Tensor, gamma: Tensor, gae_lambda: Tensor) -> Tensor:
        """:func:`ppo_cli.learn.advantages.gae` of these rewards; values are ``[M, T + 1, N]``."""
        given = (self.rewards, values, self.terminated, self.truncated, gamma, gae_lambda)
        if self.kernels is None:
            return advantages.gae(*given)
        return torch.from_numpy(judging.gae(self.kernels, *(by_rows(tensor) for tensor in given)))

    def rewards_to_go(self, values: Tensor, gamma: Tensor) -> Tensor:
        """:func:`ppo_cli.learn.advantages.rewards_to_go` of these rewards; values are ``[M, T + 1, N]``."""
        given = (self.rewards, values, self.terminated, self.truncated, gamma)
        if self.kernels is None:
            return advantages.rewards_to_go(*given)
        return torch.from_numpy(judging.rewards_to_go(self.kernels, *(by_rows(tensor) for tensor in given)))


def collect_steps(
    net: ActorCritic,
    distribution: Distribution,
    params: Tensor,  # [M, P]
    envs: MemberEnvs,
    normalizer: ObsNormalizer,
    noise: Tensor,  # [M, T, N, A]
) -> Rollout:
    """Play every environment for T steps; episodes go on in the next rollout."""
    if isinstance(net, CompiledActorCritic) and envs.can_play:
        return _collect_compiled(net, distribution, params, envs, normalizer, noise, ENDLESSLY)
    return _collect(net, distribution, params, envs, normalizer, noise, lambda _: None)


def collect_episodes(
    net: ActorCritic,
    distribution: Distribution,
    params: Tensor,  # [M, P]
    envs: MemberEnvs,
    normalizer: ObsNormalizer,
    noise: Tensor,  # [M, T, N, A]
) -> Rollout:
    """Play whole episodes, as many as are sure to end within T steps.

    An episode begins only where the longest one would fit. (To begin more, and drop those that do not end,
    would prefer short episodes to long ones.) The environments of a group begin each episode together.
    """
    num_steps, limit = noise.shape[1], envs.spec.max_episode_steps
    assert limit is not None and limit <= num_steps, "whole episodes need a time limit within the rollout"
    envs.start_ended()
    if isinstance(net, CompiledActorCritic) and envs.can_play:
        return _collect_compiled(net, distribution, params, envs, normalizer, noise, WHOLE_EPISODES)

    def active(t: int) -> np.ndarray:  # [M, N]
        ended = envs.pending_reset
        if num_steps - t <= limit:  # the reset takes a step too
            return ~ended
        groups = ended.reshape(len(ended), -1, envs.group_size)
        return ~ended | groups.all(-1).repeat(envs.group_size, axis=1)

    return _collect(net, distribution, params, envs, normalizer, noise, active)


def _collect(
    net: ActorCritic,
    distribution: Distribution,
    params: Tensor,  # [M, P]
    envs: MemberEnvs,
    normalizer: ObsNormalizer,
    noise: Tensor,  # [M, T, N, A]
    active: Callable[[int], np.ndarray | None],
) -> Rollout:
    """Play T steps; ``active(t)`` says which environments take step t, ``[M, N]`` bool, None for all."""
    num_members, num_steps, num_envs = noise.shape[:3]
    raw_obs = torch.empty(num_members, num_steps + 1, num_envs, net.spec.obs_size)
    obs = torch.empty_like(raw_obs) if normalizer.enabled else raw_obs
    if net.continuous:
        actions = torch.empty(num_members, num_steps, num_envs, net.num_actions)
    else:
        actions = torch.empty(num_members, num_steps, num_envs, dtype=torch.int64)
    rewards = torch.empty(num_members, num_steps, num_envs)
    flags = torch.zeros(4, num_members, num_steps, num_envs, dtype=torch.bool)
    raw_view, reward_view, flag_view = raw_obs.numpy(), rewards.numpy(), flags.numpy()
    obs_by_step, raw_by_step = obs.unbind(1), raw_obs.unbind(1)
    sample = net.sampler(distribution, params, num_envs)
    in_environments, started = 0.0, time.perf_counter()
    raw_view[:, 0] = envs.obs
    for t, (step_noise, step_actions) in enumerate(zip(noise.unbind(1), actions.unbind(1), strict=True)):
        ready = active(t)
        if ready is not None and not ready.any():
            # All wait for the end: what follows counts for nothing, but has to be numbers.
            raw_obs[:, t + 1 :] = raw_obs[:, t : t + 1]
            if normalizer.enabled:
                obs[:, t:] = normalizer(raw_by_step[t])[:, None]
            actions[:, t:], rewards[:, t:], flags[3, :, t:] = actions[:, t - 1 : t], 0.0, True
            break
        if normalizer.enabled:
            obs_by_step[t].copy_(normalizer(raw_by_step[t]))
        action = step_actions.copy_(sample(obs_by_step[t], step_noise))
        before = time.perf_counter()
        if ready is not None:
            flag_view[3, :, t] = ~ready
        step = envs.step(net.sendable(distribution, action).numpy(), ready)
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
    terminated, truncated, mask, idle = flags
    return Rollout(obs, actions, rewards, terminated, truncated, mask, idle, raw_obs, seconds, net.kernels)


def _collect_compiled(
    net: CompiledActorCritic,
    distribution: Distribution,
    params: Tensor,  # [M, P]
    envs: MemberEnvs,
    normalizer: ObsNormalizer,
    noise: Tensor,  # [M, T, N, A]
    episodes: int,
) -> Rollout:
    """The same by compiled kernels, for environments that they can play."""
    started = time.perf_counter()
    player = net.player(distribution, params, envs.num_envs, normalizer)
    steps = envs.play(player, by_rows(noise), noise.shape[1], episodes)
    assert steps is not None
    seconds = {"environment": time.perf_counter() - started, "policy": 0.0}
    tensors = {name: torch.from_numpy(getattr(steps, name)) for name in KEPT}
    return Rollout(**tensors, seconds=seconds, kernels=net.kernels)


def action_noise(
    distribution: Distribution,
    seeds: Sequence[int],
    iteration: int,
    shape: tuple[int, int, int],  # T, N, A
    kernels: ctypes.CDLL | None = None,
) -> Tensor:  # [M, T, N, A]
    """Draw the noise of one iteration, a block per member from its own stream, which kernels seed sooner."""
    if kernels is None:
        own: Iterable[np.random.Generator] = (generator(seed, Stream.ACTION, iteration) for seed in seeds)
    else:
        own = generators(kernels, seeds, Stream.ACTION, iteration)
    return torch.from_numpy(np.stack([distribution.noise(rng, shape) for rng in own]))


def non_finite_actions(rollout: Rollout) -> dict[int, str]:
    """Members whose policies gave actions that are not finite."""
    if not rollout.actions.is_floating_point():
        return {}
    wrong = ~np.isfinite(rollout.actions.flatten(1).numpy()).all(1)  # torch takes ten times as long
    return dict.fromkeys(np.flatnonzero(wrong).tolist(), "actions became non-finite")


def non_finite(rollout: Rollout) -> dict[int, str]:
    """Find members whose environments gave numbers that are not finite: the first place of each, by row."""
    reasons: dict[int, str] = {}
    for name, values, first_step in (("observation", rollout.raw_obs, 0), ("reward", rollout.rewards, 1)):
        finite = np.isfinite(values.numpy())  # torch takes ten times as long
        if finite.all():
            continue
        wrong = ~(finite.all(-1) if finite.ndim > 3 else finite)
        for row, t, env in np.argwhere(wrong).tolist():
            reasons.setdefault(row, f"{name} of environment {env} became non-finite at step {t + first_step}")
    return reasons
