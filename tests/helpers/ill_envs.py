"""Environments in which training falls ill, whoever trains: each named for the illness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

STEPS = 8  # of an episode


class Paying(gym.Env[np.ndarray, Any]):
    """Episodes of 8 steps that pay what is said, by how many steps were taken in all, and by the action.

    Attributes:
        pays: The reward of a step; a test sets it.
        steps_of_all: Steps that all such environments have taken.
    """

    observation_space = spaces.Box(-1, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)
    pays: Callable[[int, int], float] = staticmethod(lambda steps, action: 1.0)
    steps_of_all = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self._obs(), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        Paying.steps_of_all += 1
        reward = float(self.pays(Paying.steps_of_all, int(action)))
        return self._obs(), reward, self.steps == STEPS, False, {}

    def _obs(self) -> np.ndarray:
        return np.array([self.np_random.uniform(-1, 1)], np.float32)


class PaysForChange(Paying):
    """Pays where an action is not that of before: drawing at random earns, taking the likeliest does not."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.last = -1
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        repeated, self.last = int(action) == self.last, int(action)
        _, _, ended, *_ = super().step(action)
        return np.zeros(1, np.float32), 0.0 if repeated else 1.0, ended, False, {}


def register() -> None:
    """Register all of them, if that did not happen before."""
    for env in (Paying, PaysForChange):
        if f"{env.__name__}-v0" not in gym.registry:
            gym.register(f"{env.__name__}-v0", env, max_episode_steps=20)
