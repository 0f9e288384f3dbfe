"""Rewards by which a synthetic teacher may judge: the environment's own, a goal, or the user's function.

A goal is a function of transitions, ``reward(obs, action, next_obs, terminated)`` with ``obs`` ``[T, O]``,
that gives ``[T]``. What comes after an end is worth 0, so a goal that is to be lived for is positive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.config.preference_settings import OWN_REWARD
from ppo_cli.envs.user_code import import_agreed, split_reference
from ppo_cli.errors import UsageError
from ppo_cli.preferences.playing import Played

Array = NDArray[Any]
Goal = Callable[[Array, Array, Array, Array], Array]
KEY = "reward"
HOLD_RIGHT_AT = 1.0
HOVER_AT = 0.7
_FORM = (
    "write it as reward(obs, action, next_obs, terminated), [T, O], [T] or [T, A], [T, O], [T], returning [T]"
)


def hold_right(obs: Array, action: Array, next_obs: Array, terminated: Array) -> Array:
    """CartPole: balance at x = +1; 1 there, 0 at two metres from it and where the pole falls."""
    distance = np.abs(next_obs[:, 0] - HOLD_RIGHT_AT)
    return np.where(terminated, 0.0, 1.0 - np.minimum(distance, 2.0) / 2.0)


def hover(obs: Array, action: Array, next_obs: Array, terminated: Array) -> Array:
    """LunarLander: stay at half of the height from which it starts, above the pad, slowly."""
    height, sideways = np.abs(next_obs[:, 1] - HOVER_AT), np.abs(next_obs[:, 0])
    speed = np.hypot(next_obs[:, 2], next_obs[:, 3])
    return np.where(terminated, 0.0, np.maximum(0.0, 1.0 - height - 0.5 * sideways - 0.25 * speed))


def spin(obs: Array, action: Array, next_obs: Array, terminated: Array) -> Array:
    """Pendulum: turn anticlockwise, as fast as it can; 1 at full speed, -1 the other way round."""
    speed: Array = next_obs[:, 2] / 8.0
    return speed


GOALS: dict[str, tuple[str, Goal]] = {
    "hold-right": ("CartPole", hold_right),
    "hover": ("LunarLander", hover),
    "spin": ("Pendulum", spin),
}
"""The goals that ship: the environments that have them (their ids begin so), and the function."""


def goal_of(reward: str, env_id: str, *, agreed: bool) -> Goal | None:
    """The function that a setting names; None for the environment's own reward.

    Args:
        reward: ``own``, a goal's name, or ``module:function``.
        env_id: The environment.
        agreed: Whether the user agreed to import what it names.

    Raises:
        UsageError: There is no such goal for this environment, or the module may not or cannot be imported.
    """
    if reward == OWN_REWARD:
        return None
    module, name = split_reference(reward)
    if module:
        function = getattr(import_agreed(reward, key=KEY, agreed=agreed), name, None)
        if not callable(function):
            raise UsageError(f"the module {module!r} has no function {name!r}", hint=_FORM, key=KEY)
        return _checked(reward, function)
    here = [goal for goal, (env, _) in GOALS.items() if env_id.startswith(env)]
    if reward not in here:
        there = ", ".join([OWN_REWARD, *here])
        raise UsageError(
            f"{env_id} has no goal {reward[:60]!r}", hint=f"it has {there}; or give module:function", key=KEY
        )
    return GOALS[reward][1]


def _checked(reference: str, function: Callable[..., Any]) -> Goal:
    def goal(obs: Array, action: Array, next_obs: Array, terminated: Array) -> Array:
        try:
            result = np.asarray(function(obs, action, next_obs, terminated), dtype=np.float64)
        except Exception as error:  # a user's function may raise anything
            raise UsageError(
                f"{reference} failed: {type(error).__name__}: {error}", hint=_FORM, key=KEY
            ) from error
        if result.shape != terminated.shape or not np.isfinite(result).all():
            raise UsageError(
                f"{reference} gave {result.shape} for {terminated.shape} steps, or what is not finite",
                hint=_FORM,
                key=KEY,
            )
        return result

    return goal


def judged_rewards(played: Played, goal: Goal | None) -> Array:
    """What each step of an episode is worth to a teacher, ``[T]``."""
    if goal is None:
        return played.rewards
    terminated = np.zeros(played.length, dtype=np.bool_)
    terminated[-1] = played.ended == "terminated"
    return goal(played.obs[:-1], played.actions, played.obs[1:], terminated)
