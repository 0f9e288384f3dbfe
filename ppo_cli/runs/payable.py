"""What an episode of the classic environments can pay at the least and at the most, and intervals cut there.

Student's t knows nothing of that: of two seeds of CartPole it may say "385 [-475, 1245]".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Interval = tuple[float, float]
"""From where to where; of a confidence interval both NaN where it cannot be told."""

_STEPS = {
    "CartPole-v0": 200, "CartPole-v1": 500, "Acrobot-v1": 500, "MountainCar-v0": 200,
    "MountainCarContinuous-v0": 999, "Pendulum-v1": 200,
}  # fmt: skip
_PENDULUM = -(math.pi**2 + 0.1 * 8**2 + 0.001 * 2**2)  # per step: upside down, as fast as it goes, full force


def payable(env_id: str, env_kwargs: Mapping[str, Any]) -> Interval | None:
    """The least and the most that an episode can pay; None where that is not known.

    Args:
        env_id: The environment.
        env_kwargs: Its arguments; with others than a time limit, nothing is known.

    >>> payable("CartPole-v1", {}), payable("Acrobot-v1", {"max_episode_steps": 50}), payable("Mine-v0", {})
    ((1.0, 500.0), (-50.0, 0.0), None)
    """
    steps = env_kwargs.get("max_episode_steps", _STEPS.get(env_id))
    if env_id not in _STEPS or env_kwargs.keys() - {"max_episode_steps"}:
        return None
    if not isinstance(steps, int) or steps < 1:
        return None
    if env_id.startswith("CartPole"):
        return 1.0, float(steps)
    if env_id == "MountainCarContinuous-v0":
        return -0.1 * steps, 100.0
    return (_PENDULUM if env_id == "Pendulum-v1" else -1.0) * steps, 0.0


def cut(interval: Interval, bounds: Interval | None) -> Interval:
    """The part of an interval that lies within bounds; NaN stays NaN.

    >>> cut((-475.0, 1245.0), (1.0, 500.0)), cut((3.0, 4.0), None)
    ((1.0, 500.0), (3.0, 4.0))
    """
    low, high = interval
    if bounds is None or math.isnan(low):
        return interval
    return max(low, bounds[0]), min(high, bounds[1])


def why_cut(whole: Interval, kept: Interval, number: int, of: str = "seeds") -> str:
    """Say that an interval was cut, and why; nothing where it was not.

    >>> why_cut((-475.0, 1245.0), (1.0, 500.0), 2)
    '95 % interval [-475, 1245] goes beyond what an episode can pay and is cut to [1, 500]; 2 seeds are too few for such returns'

    Args:
        whole: The interval.
        kept: What :func:`cut` left of it.
        number: How many returns it is of.
        of: What they are.
    """  # noqa: E501 (what a doctest prints is one line)
    if math.isnan(whole[0]) or whole == kept:
        return ""
    said, left = (f"[{low:.4g}, {high:.4g}]" for low, high in (whole, kept))
    return (
        f"95 % interval {said} goes beyond what an episode can pay and is cut to {left}; {number} {of} are "
        "too few for such returns"
    )
