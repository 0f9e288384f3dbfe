"""An evaluation as numbers: mean, spread, and the interval of the mean. Pure, no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.runs.payable import Interval, cut


def t_quantile_95(degrees: int | NDArray[np.int64]) -> Any:
    """Compute the two-sided 95 % quantile of Student's t: half of an interval, in standard errors.

    SciPy is imported here and not above: it takes a tenth of a second, which ``ppo list`` need not wait for.

    Args:
        degrees: Degrees of freedom, one number or an array of them.

    Returns:
        As many; NaN for no degrees of freedom.

    >>> float(round(t_quantile_95(4), 4))
    2.7764
    """
    from scipy.special import stdtrit

    return stdtrit(degrees, 0.975)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Compute the 95 % confidence interval of the mean by Student's t; (nan, nan) for a single value."""
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    half = float(t_quantile_95(n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    mean = float(np.mean(values))
    return mean - half, mean + half


@dataclass(frozen=True)
class EvalStats:
    """An evaluation of one policy over whole episodes, by the environment's own reward.

    Attributes:
        returns: One per episode, in the order of their seeds.
        lengths: Steps of each episode.
        deterministic: Whether the most likely action was taken.
        cut: How many episodes were cut off, in an environment without a time limit.
        payable: What an episode can pay at the least and at the most; None where that is not known.
    """

    returns: tuple[float, ...]
    lengths: tuple[int, ...]
    deterministic: bool = True
    cut: int = 0
    payable: Interval | None = None

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
        """95 % confidence interval of the mean, over episodes, cut to what an episode can pay."""
        return cut(mean_interval(self.returns), self.payable)

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
            "cut": self.cut,
        }
