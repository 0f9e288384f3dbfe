"""What one step of many environments gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a step. All arrays are new: the caller may keep them, but not write to ``obs``.

    Attributes:
        obs: The observation after the step, float32 [M, N, O].
        rewards: What the learner sees (shaped), float32 [M, N]; 0 for fillers.
        terminated: The task ended the episode, bool [M, N].
        truncated: A time limit ended it, bool [M, N].
        mask: Whether this was a real transition, bool [M, N]; False for fillers and inactive environments.
    """

    obs: Array
    rewards: Array
    terminated: Array
    truncated: Array
    mask: Array
