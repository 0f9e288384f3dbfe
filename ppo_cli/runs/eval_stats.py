"""The numbers of an evaluation: pure, no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom.
_T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def t_quantile_95(degrees: int) -> float:
    """Two-sided 95 % quantile of Student's t (Cornish-Fisher expansion beyond 30 degrees of freedom)."""
    if degrees <= len(_T95):
        return _T95[degrees - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % confidence interval of the mean by Student's t; (nan, nan) for a single value."""
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    half = t_quantile_95(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    mean = float(np.mean(values))
    return mean - half, mean + half


@dataclass(frozen=True)
class EvalStats:
    """An evaluation of one policy over whole episodes, by the environment's own reward.

    Attributes:
        returns: One per episode, in the order of their seeds.
        lengths: Steps of each episode.
        deterministic: Whether the most likely action was taken.
    """

    returns: tuple[float, ...]
    lengths: tuple[int, ...]
    deterministic: bool = True

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return len(self.returns)

    @property
    def mean(self) -> float:
        """Mean return."""
        return float(np.mean(self.returns))

    @property
    def std(self) -> float:
        """Standard deviation of the returns over episodes."""
        return float(np.std(self.returns))

    @property
    def min(self) -> float:
        """Smallest return."""
        return min(self.returns)

    @property
    def max(self) -> float:
        """Largest return."""
        return max(self.returns)

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % confidence interval of the mean, over episodes."""
        return mean_interval(self.returns)

    @property
    def mean_length(self) -> float:
        """Mean number of steps."""
        return float(np.mean(self.lengths))

    def to_json(self) -> dict[str, Any]:
        """The numbers without the single returns."""
        return {
            "mean": self.mean,
            "std": self.std,
            "ci95": list(self.ci95),
            "min": self.min,
            "max": self.max,
            "episodes": self.episodes,
            "mean_length": self.mean_length,
            "deterministic": self.deterministic,
        }
