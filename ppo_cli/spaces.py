"""Specs of an environment for the learner: sizes, not Gymnasium objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ActionSpec:
    """An action space.

    Attributes:
        kind: ``"discrete"`` (one of ``size`` choices, sent as an integer from 0) or ``"box"`` (a vector).
        size: Number of choices, or length of the vector: A.
        low: Lower bounds of a box, length A; empty when discrete.
        high: Upper bounds of a box, length A; empty when discrete.
    """

    kind: Literal["discrete", "box"]
    size: int
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class EnvSpec:
    """An environment as the learner sees it.

    Attributes:
        env_id: The Gymnasium id that runs (``LunarLander-v3``).
        obs_size: Length of the flat observation: O.
        action: The action space.
        max_episode_steps: Time limit, or None.
        reward_threshold: Gymnasium's "solved" mark, or None.
    """

    env_id: str
    obs_size: int
    action: ActionSpec
    max_episode_steps: int | None = None
    reward_threshold: float | None = None
