"""Small environments with a known fault or feature, and random actions for any environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from ppo_cli.envs.member_envs import MemberEnvs
from ppo_cli.envs.step import Step

CLASSIC = [
    "CartPole-v1",
    "Pendulum-v1",
    "Acrobot-v1",
    "MountainCar-v0",
    "MountainCarContinuous-v0",
    "LunarLander-v3",
    "LunarLanderContinuous-v3",
    "BipedalWalker-v3",
]


class CountsGlobally(gym.Env):
    """Not deterministic: its observation counts the steps of all such environments so far."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(2)
    total = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        return np.zeros(2, dtype=np.float32), {}

    def step(self, action: Any):
        CountsGlobally.total += 1
        return np.array([CountsGlobally.total, action], dtype=np.float32), 0.0, False, False, {}


class PaysByLuck(CountsGlobally):
    """Not deterministic in the reward only: observations and lengths repeat."""

    def step(self, action: Any):
        CountsGlobally.total += 1
        return np.zeros(2, dtype=np.float32), float(CountsGlobally.total), False, False, {}


class EndsAnywhen(CountsGlobally):
    """Only its end is not deterministic: it ends after ``last`` steps, which a test changes."""

    last = 5

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        self.count = 0
        return super().reset(seed=seed)

    def step(self, action: Any):
        self.count += 1
        return np.zeros(2, dtype=np.float32), 0.0, self.count >= EndsAnywhen.last, False, {}


class EndsAfterThree(gym.Env):
    """Terminates after three steps, each of which pays 1; its observation is the number of steps."""

    observation_space = spaces.Box(0, 10, (1,), np.float32)
    action_space = spaces.Discrete(2, start=5)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.count, self.seen = 0, []
        return np.zeros(1, dtype=np.float32), {}

    def step(self, action: Any):
        assert self.action_space.contains(action)
        self.count += 1
        self.seen.append(int(action))
        return np.array([self.count], dtype=np.float32), 1.0, self.count == 3, False, {}


class TruncatesItself(EndsAfterThree):
    """The same, but says truncated."""

    def step(self, action: Any):
        obs, reward, ended, _, info = super().step(action)
        return obs, reward, False, ended, info


class DividesByZero(EndsAfterThree):
    """Fails in its second step."""

    def step(self, action: Any):
        1 // (1 - self.count)
        return super().step(action)


class WithSpaces(gym.Env):
    """Any spaces."""

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> None:
        self.observation_space, self.action_space = observation_space, action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any):
        assert self.action_space.contains(action), action
        return self.observation_space.sample(), float(np.sum(action)), False, False, {}


def register(env_id: str, env: Any, **kwargs: Any) -> str:
    """Register an environment if that did not happen before."""
    if env_id not in gym.registry:
        gym.register(env_id, env, **kwargs)
    return env_id


def random_actions(envs: MemberEnvs, num_steps: int, seed: int = 0) -> np.ndarray:
    """Actions [T, M, N] or [T, M, N, A]; those of a Box go beyond the bounds now and then."""
    rng, action = np.random.default_rng(seed), envs.spec.action
    shape = (num_steps, envs.num_members, envs.num_envs)
    if action.kind == "discrete":
        return rng.integers(0, action.size, shape)
    return rng.normal(size=(*shape, action.size)).astype(np.float32)


def play(envs: MemberEnvs, actions: np.ndarray) -> list[Step]:
    """One step per row of ``actions``."""
    return [envs.step(a) for a in actions]


def same_steps(a: Sequence[Step], b: Sequence[Step]) -> bool:
    """Whether two plays agree in every bit."""
    names = ("obs", "rewards", "terminated", "truncated", "mask")
    return len(a) == len(b) and all(
        getattr(x, name).tobytes() == getattr(y, name).tobytes()
        for x, y in zip(a, b, strict=True)
        for name in names
    )
