"""Two questions about CartPole, one of them not Markovian; ``reward`` settings name these functions."""

from __future__ import annotations

from typing import Any

import numpy as np

LIMIT = 0.03  # radians, about 1.7 degrees


def upright(obs: Any, action: Any, next_obs: Any, terminated: Any) -> Any:
    """1 for each step after which the pole is tilted by less than the limit: the state says it."""
    return np.where(terminated, 0.0, np.abs(next_obs[:, 2]) < LIMIT)


def never_tilted(obs: Any, action: Any, next_obs: Any, terminated: Any) -> Any:
    """1 for each step up to which the pole was never tilted by more than the limit: only the past says it."""
    return np.cumprod(upright(obs, action, next_obs, terminated))
