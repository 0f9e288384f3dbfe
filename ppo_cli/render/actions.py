"""Actions in words: what the numbers of the classic environments mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from ppo_cli.film.overlay import Line
from ppo_cli.render.numbers import short

_LEFT_NONE_RIGHT = ("left", "none", "right")

# By family (the id without "Continuous" and version) and kind of action: a word for each choice, or for each
# number of a vector.
_CHOICES: dict[str, tuple[str, ...]] = {
    "LunarLander": ("none", "left engine", "main engine", "right engine"),
    "CartPole": ("left", "right"),
    "Acrobot": _LEFT_NONE_RIGHT,
    "MountainCar": _LEFT_NONE_RIGHT,
}
_NUMBERS: dict[str, tuple[str, ...]] = {
    "LunarLander": ("main engine", "side engine"),
    "Pendulum": ("torque",),
    "MountainCar": ("force",),
    "BipedalWalker": ("hip 1", "knee 1", "hip 2", "knee 2"),
}
_MOST_NUMBERS = 6


def action_lines(action: Any, space: Any, env_id: str) -> list[Line]:
    """An action as lines of an overlay: a word for a choice, numbers with bars for a vector.

    Args:
        action: As the environment takes it; None before the first step.
        space: The environment's actions.
        env_id: The environment.

    >>> action_lines(2, spaces.Discrete(4), "LunarLander-v3")[0].value
    'main engine'
    >>> action_lines(6, spaces.Discrete(4, start=5), "Maze-v0")[0].value
    '1'
    """
    family = env_id.rpartition("-v")[0].removesuffix("Continuous")
    if isinstance(space, spaces.Discrete):
        words = _CHOICES.get(family, ())
        words = words if len(words) == space.n else ()
        choice = None if action is None else int(action - space.start)
        word = "-" if choice is None else words[choice] if words else str(choice)
        return [Line("action", word, room=max(words, key=len, default=""))]
    return _number_lines(action, space, _NUMBERS.get(family, ()))


def _number_lines(action: Any, space: spaces.Box, words: tuple[str, ...]) -> list[Line]:
    low, high = space.low.ravel(), space.high.ravel()
    if len(words) != len(low):
        words = tuple(f"action {k}" for k in range(1, len(low) + 1)) if len(low) > 1 else ("action",)
    values = np.full(len(low), np.nan) if action is None else np.asarray(action).ravel()
    shown = min(len(low), _MOST_NUMBERS)
    lines = [
        Line(words[k], short(float(values[k])), _bar(float(values[k]), float(low[k]), float(high[k])))
        for k in range(shown)
    ]
    rest = len(low) - shown
    return [*lines, Line(f"and {rest} more")] if rest else lines


def _bar(value: float, low: float, high: float) -> tuple[float, float] | None:
    """A bar from 0, or the bound next to it, to the value; None without bounds to measure by.

    >>> _bar(1.0, -2.0, 2.0), _bar(1.0, 0.0, 4.0), _bar(1.0, -np.inf, np.inf)
    ((0.5, 0.75), (0.0, 0.25), None)
    """
    span = high - low
    if not np.isfinite(span) or span <= 0:
        return None
    start = min(max(0.0, low), high)
    end = start if np.isnan(value) else min(max(value, low), high)
    return ((start - low) / span, (end - low) / span)
