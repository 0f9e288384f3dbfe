"""Environments whose answers are known, each named for what it proves.

An agent that cannot solve one of them has a particular fault, so a failure says where to look. They are
ordered so that each needs one thing more than those before it.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

LONGEST = 4  # steps; a time limit that none of them feels
SCALE = np.array([1e3, 1e-3], dtype=np.float32)
OFFSET = np.array([5e4, 0.0], dtype=np.float32)


class Probe(gym.Env[np.ndarray, Any]):
    """What all have in common: one observation in [-1, 1], two actions, one step.

    A subclass says how an episode begins (:meth:`begin`) and what an action does (:meth:`respond`).
    """

    observation_space: spaces.Box = spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space: spaces.Space[Any] = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.steps = 0
        self.obs = self.begin()
        return self._array(self.obs), {}

    def step(self, action: Any):
        self.steps += 1
        reward, self.obs, terminated, truncated = self.respond(action)
        return self._array(self.obs), float(reward), terminated, truncated, {}

    def begin(self) -> Any:
        """The first observation."""
        return 0.0

    def respond(self, action: Any) -> tuple[float, Any, bool, bool]:
        """Reward, next observation, terminated, truncated."""
        raise NotImplementedError

    def sign(self) -> float:
        """-1 or 1, evenly."""
        return float(self.np_random.choice([-1.0, 1.0]))

    def _array(self, obs: Any) -> np.ndarray:
        return np.asarray(obs, dtype=np.float32).reshape(self.observation_space.shape)


class ConstantValue(Probe):
    """Always pays 1: V = 1. Fails when the value loss or its optimiser is wrong."""

    def respond(self, action: Any):
        return 1.0, 0.0, True, False


class ObservationDependentValue(Probe):
    """Pays what it shows: V(o) = o. Fails when observations do not reach the critic, or get mixed up."""

    def begin(self) -> float:
        return self.sign()

    def respond(self, action: Any):
        return self.obs, 0.0, True, False


class DiscountedDelayedReward(Probe):
    """Pays 1 at the second step: V(first) = gamma, V(second) = 1. Fails when discounting is wrong."""

    def respond(self, action: Any):
        return float(self.steps == 2), 1.0, self.steps == 2, False


class RewardComesBeforeTheEnd(Probe):
    """Pays 1 at its first step and nothing at the second, last one: V(first) = 1, V(second) = 0.

    Fails when the reward or the end is taken one step too early or too late.
    """

    def respond(self, action: Any):
        return float(self.steps == 1), 1.0, self.steps == 2, False


class ActionChoosesReward(Probe):
    """Action 1 pays 1, action 0 pays -1. Fails when the policy's gradient, or its sign, is wrong."""

    def respond(self, action: Any):
        return 1.0 if action == 1 else -1.0, 0.0, True, False


class ObservationActionMatch(Probe):
    """The right action is the one shown.

    Fails when observations, actions and advantages do not belong together.
    """

    def begin(self) -> float:
        return self.sign()

    def respond(self, action: Any):
        return 1.0 if (action == 1) == (self.obs > 0) else -1.0, 0.0, True, False


class ChoiceBearsFruitLater(Probe):
    """Only the first of three actions matters, and it pays at the third step.

    Fails when advantages do not reach back in time.
    """

    def begin(self) -> float:
        return -1.0

    def respond(self, action: Any):
        if self.steps == 1:
            self.chosen = action
        done = self.steps == 3
        return (
            (1.0 if self.chosen == 1 else -1.0) if done else 0.0,
            [0.0, 0.5, 1.0][self.steps - 1],
            done,
            False,
        )


class TruncationIsNotTermination(Probe):
    """Pays 1 per step for ever, cut off after 4 steps: V = 1 / (1 - gamma) everywhere.

    Fails when a time limit counts as an end: then V falls from 1 + gamma + ... to 1.
    """

    def respond(self, action: Any):
        return 1.0, 0.0, False, self.steps == 4


class TerminationHasNoFuture(Probe):
    """One step, pays nothing, in a world where the next episode would start at a value of 1 / (1 - gamma).

    Shows 1 in episodes that pay 1 per step and are cut after 2; shows -1 in those that pay 0 and end at once.
    Fails when the value of what follows an end is counted.
    """

    def begin(self) -> float:
        return self.sign()

    def respond(self, action: Any):
        if self.obs < 0:
            return 0.0, 1.0, True, False
        return 1.0, 1.0, False, self.steps == 2


class FillerDoesNotLeak(Probe):
    """Pays 1 and ends, and looks the same before and after: V = 1.

    Fails when the reset after an end counts as a transition: it pays nothing and leads to the next episode,
    so V would be drawn towards gamma.
    """

    def respond(self, action: Any):
        return 1.0, 0.0, True, False


class ContinuousTarget(Probe):
    """Pays minus the squared distance of the action from (0.5 * what is shown + 0.2, -0.4).

    Fails when the Gaussian's mean or its gradient is wrong.
    """

    action_space = spaces.Box(-2.0, 2.0, (2,), np.float32)

    def begin(self) -> float:
        return self.sign()

    def respond(self, action: Any):
        target = np.array([0.5 * self.obs + 0.2, -0.4])
        return -float(np.square(action - target).sum()), 0.0, True, False


class ScaledObservations(Probe):
    """The right action is shown by a difference of 1e-3 beside a useless number around 5e4.

    Fails without observation normalisation.
    """

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)

    def begin(self) -> np.ndarray:
        self.right = self.sign()
        return OFFSET + SCALE * np.array([self.np_random.normal(), self.right])

    def respond(self, action: Any):
        return 1.0 if (action == 1) == (self.right > 0) else -1.0, self.obs, True, False


PROBES: list[type[Probe]] = [
    ConstantValue,
    ObservationDependentValue,
    DiscountedDelayedReward,
    RewardComesBeforeTheEnd,
    ActionChoosesReward,
    ObservationActionMatch,
    ChoiceBearsFruitLater,
    TruncationIsNotTermination,
    TerminationHasNoFuture,
    FillerDoesNotLeak,
    ContinuousTarget,
    ScaledObservations,
]


def probe_id(probe: type[Probe]) -> str:
    """The Gymnasium id of a probe, registered if that did not happen before."""
    env_id = f"{probe.__name__}-v0"
    if env_id not in gym.registry:
        gym.register(env_id, probe, max_episode_steps=LONGEST)
    return env_id
