"""Two ways to play the same environments with the same policies: in one go, and step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from helpers.kernel_cases import random_params, some_library
from helpers.training_helpers import make_config
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.episodes import EpisodeRecord
from ppo_cli.envs.from_settings import make_envs
from ppo_cli.envs.member_envs import MemberEnvs
from ppo_cli.learn.agent import Agent
from ppo_cli.learn.build import make_agent
from ppo_cli.learn.rollout import KEPT, Rollout, action_noise, collect_episodes, collect_steps
from ppo_cli.nn.compiled import CompiledActorCritic
from ppo_cli.nn.normalize import ObsNormalizer

SEEDS = (5, 2**32 - 1, 3)
NUM_STEPS = 60
LIMIT = 23  # steps of an episode at most, fewer than those of a rollout
PLAYED: dict[str, tuple[str, dict[str, Any]]] = {
    "cartpole": ("CartPole-v1", {}),
    "acrobot": ("Acrobot-v1", {}),
    "mountain car": ("MountainCar-v0", {}),
    "pendulum": ("Pendulum-v1", {}),
    "pendulum, squashed": ("Pendulum-v1", {"squash": True}),
    "pendulum, Beta": ("Pendulum-v1", {"policy": "beta"}),
    "continuous mountain car": ("MountainCarContinuous-v0", {}),
    "continuous mountain car, squashed": ("MountainCarContinuous-v0", {"squash": True}),
    "continuous mountain car, Beta": ("MountainCarContinuous-v0", {"policy": "beta"}),
}
"""Every compiled environment with every policy that it can have: id and settings."""


@dataclass
class Play:
    """Members of the compiled engine in environments of their own.

    Attributes:
        agent: Networks, distribution and algorithm.
        envs: Their environments, which have been reset.
        params: Their policies, ``[M, P]``.
        normalizer: Of their observations.
    """

    agent: Agent
    envs: MemberEnvs
    params: Tensor
    normalizer: ObsNormalizer

    def collect(self, iteration: int, num_steps: int, seeds: Sequence[int], *, whole: bool) -> Rollout:
        """One rollout, as the trainer collects it."""
        net, distribution = self.agent.net, self.agent.distribution
        noise = action_noise(distribution, seeds, iteration, (num_steps, self.envs.num_envs, net.num_actions))
        collector = collect_episodes if whole else collect_steps
        return collector(net, distribution, self.params, self.envs, self.normalizer, noise)


def make_play(
    env_id: str,
    own: dict[str, Any],
    *,
    seeds: Sequence[int] = SEEDS,
    normalize: bool = False,
    num_threads: int = 1,
    **settings: Any,
) -> Play:
    """Members with policies that differ, with statistics of observations if these are normalised."""
    some_library()  # or skip
    sizes = {"env_kwargs": {"max_episode_steps": LIMIT}, "num_envs": 4, "num_steps": NUM_STEPS}
    values = sizes | {"engine": "compiled"} | settings
    configs = [make_config(env_id, seed=seed, num_threads=num_threads, **values, **own) for seed in seeds]
    envs = make_envs(configs)
    envs.reset()
    agent = make_agent(configs[0], envs.spec)
    assert isinstance(agent.net, CompiledActorCritic) and envs.can_play
    params = torch.cat([policy(agent, seed) for seed in seeds])
    return Play(agent, envs, params, normalizer_of(configs, envs, normalize))


def policy(agent: Agent, seed: int) -> Tensor:  # [1, P]
    """A policy that only its seed decides."""
    return random_params(agent.net, 1, torch.Generator().manual_seed(seed))


def normalizer_of(configs: Sequence[RunConfig], envs: MemberEnvs, enabled: bool) -> ObsNormalizer:
    """Statistics that a member's seed decides, with a clip that is reached now and then."""
    size = envs.spec.obs_size
    rows = [
        torch.rand(2, size, generator=torch.Generator().manual_seed(config.seed), dtype=torch.float64)
        for config in configs
    ]
    mean, var = torch.stack(rows).unbind(1)
    return ObsNormalizer.make(enabled, 0.3 * mean, var, torch.linspace(0.5, 2, len(configs)))


def step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python step the compiled environments, as if they could not be played in one go."""
    monkeypatch.setattr(MemberEnvs, "can_play", False)


def rollout_bytes(rollout: Rollout) -> dict[str, bytes]:
    """Every number of a rollout, but for what is sampled while nobody takes it."""
    tensors = {name: getattr(rollout, name) for name in KEPT}
    idle = rollout.idle if tensors["actions"].dim() == 3 else rollout.idle[..., None]
    tensors["actions"] = tensors["actions"].masked_fill(idle, 0)
    return {name: values.numpy().tobytes() for name, values in tensors.items()}


def records_of(envs: MemberEnvs, member: int) -> list[EpisodeRecord]:
    """The episodes of one member that ended since the last call; those of the others are lost."""
    return [replace(record, member=0) for record in envs.pop_episodes() if record.member == member]


def progress_bytes(envs: MemberEnvs, member: int | None = None) -> dict[str, bytes]:
    """Where the environments stand, of all or of one member."""
    progress = envs.progress()
    tensors = (progress if member is None else progress.member(member)).tensors()
    return {name: values.tobytes() for name, values in tensors.items()}
