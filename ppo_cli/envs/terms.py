"""Reward-shaping terms of the classic environments: pure functions of observations and actions.

Every function works on any leading axes: ``obs`` [..., O] float64, ``actions`` [...] integers from 0 or
[..., A], results [...]. Terms of the state alone can make a potential; terms of the action are costs
(give them a negative weight to punish).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
StateTerms = Callable[[Array], Mapping[str, Array]]
TransitionTerms = Callable[[Array, Array, Array], Mapping[str, Array]]


@dataclass(frozen=True)
class TermSet:
    """The shaping terms of one environment.

    Attributes:
        state_names: Names of the terms of the state alone.
        action_names: Names of the terms that need the transition; they come after the state's.
        state: From the observation after the step to its terms, in the order of ``state_names``.
        transition: From (obs, action, next_obs) to the other terms, in the order of ``action_names``.
    """

    state_names: tuple[str, ...] = ()
    action_names: tuple[str, ...] = ()
    state: StateTerms = lambda obs: {}
    transition: TransitionTerms = lambda obs, action, next_obs: {}

    @property
    def names(self) -> tuple[str, ...]:
        """All names: the state's, then the action's."""
        return self.state_names + self.action_names

    def state_terms(self, obs: Array) -> Array:
        """The terms of the state, float64 [K_state, ...], of observations [..., O]."""
        values = self.state(obs.astype(np.float64))
        return _stacked(values, self.state_names, obs.shape[:-1])

    def transition_terms(self, obs: Array, actions: Array, next_obs: Array) -> Array:
        """The terms of the transition, float64 [K_action, ...]."""
        if not self.action_names:
            return np.zeros((0, *next_obs.shape[:-1]))
        values = self.transition(obs.astype(np.float64), actions, next_obs.astype(np.float64))
        return _stacked(values, self.action_names, next_obs.shape[:-1])


def _stacked(values: Mapping[str, Array], names: tuple[str, ...], shape: tuple[int, ...]) -> Array:
    out = np.empty((len(names), *shape))
    for k, name in enumerate(names):
        out[k] = values[name]
    return out


def lunar_lander_state(obs: Array) -> dict[str, Array]:
    """−√(x²+y²), −√(vx²+vy²), −|θ| and the number of legs on the ground."""
    x, y, vx, vy, theta, _, left, right = np.moveaxis(obs, -1, 0)
    return {
        "distance": -np.sqrt(x * x + y * y),
        "velocity": -np.sqrt(vx * vx + vy * vy),
        "angle": -np.abs(theta),
        "legs": left + right,
    }


def lunar_lander_engines(_obs: Array, action: Array, _next_obs: Array) -> dict[str, Array]:
    """1 when the main engine fires (action 2), 1 when a side engine does (actions 1 and 3)."""
    return {"main_engine": action == 2, "side_engine": (action == 1) | (action == 3)}


def lunar_lander_throttles(_obs: Array, action: Array, _next_obs: Array) -> dict[str, Array]:
    """The same for two throttles: the main engine fires above 0, a side engine beyond ±0.5."""
    return {"main_engine": action[..., 0] > 0, "side_engine": np.abs(action[..., 1]) > 0.5}


def cartpole_state(obs: Array) -> dict[str, Array]:
    """−|x| and −|θ|."""
    return {"position": -np.abs(obs[..., 0]), "pole_angle": -np.abs(obs[..., 2])}


def pendulum_state(obs: Array) -> dict[str, Array]:
    """Height cos θ of the tip (−1 to 1) and |angular velocity|."""
    return {"height": obs[..., 0], "speed": np.abs(obs[..., 2])}


def acrobot_state(obs: Array) -> dict[str, Array]:
    """Height of the tip −cos θ₁ − cos(θ₁+θ₂) (−2 to 2, the line is at 1) and √(ω₁²+ω₂²)."""
    cos1, sin1, cos2, sin2, w1, w2 = np.moveaxis(obs, -1, 0)
    return {"height": -cos1 - (cos1 * cos2 - sin1 * sin2), "speed": np.sqrt(w1 * w1 + w2 * w2)}


def mountain_car_state(obs: Array) -> dict[str, Array]:
    """Height sin 3x of the hill, |v|, and the mechanical energy in units of that height, sin 3x + 600 v².

    The slope pulls with 0.0025 cos 3x, so the potential is 0.0025/3 sin 3x; divided by 0.0025/3, v²/2 is
    600 v², and a car that can reach the flag at rest has 1.
    """
    x, v = obs[..., 0].copy(), obs[..., 1]
    height = np.sin(3 * x)
    return {"height": height, "speed": np.abs(v), "energy": height + 600 * v * v}


def middle_is_rest(_obs: Array, action: Array, _next_obs: Array) -> dict[str, Array]:
    """Effort of three choices left, none, right: 1 when it is not "none"."""
    return {"effort": action != 1}


def absolute_force(_obs: Array, action: Array, _next_obs: Array) -> dict[str, Array]:
    """Effort of a motor: |action|."""
    return {"effort": np.abs(action[..., 0])}


_LANDER = ("distance", "velocity", "angle", "legs")
_ENGINES = ("main_engine", "side_engine")
_CAR = ("height", "speed", "energy")

TERMS: dict[tuple[str, str], TermSet] = {
    ("LunarLander", "discrete"): TermSet(_LANDER, _ENGINES, lunar_lander_state, lunar_lander_engines),
    ("LunarLander", "box"): TermSet(_LANDER, _ENGINES, lunar_lander_state, lunar_lander_throttles),
    ("CartPole", "discrete"): TermSet(("position", "pole_angle"), (), cartpole_state),
    ("Pendulum", "box"): TermSet(("height", "speed"), ("effort",), pendulum_state, absolute_force),
    ("Acrobot", "discrete"): TermSet(("height", "speed"), ("effort",), acrobot_state, middle_is_rest),
    ("MountainCar", "discrete"): TermSet(_CAR, ("effort",), mountain_car_state, middle_is_rest),
    ("MountainCar", "box"): TermSet(_CAR, ("effort",), mountain_car_state, absolute_force),
}
"""By family (the id without ``Continuous`` and version) and kind of action."""


def shipped_terms(env_id: str, action_kind: str) -> TermSet:
    """The terms that ``ppo`` ships for an environment; an empty set where it ships none."""
    family = env_id.rpartition("-v")[0].removesuffix("Continuous")
    return TERMS.get((family, action_kind), TermSet())
