"""Statistics of one group of returns, or of two: interquartile mean, probability of improvement, profiles.

Definitions are those of Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
Precipice". Intervals are 95 % percentile bootstrap intervals over seeds: with fewer than about ten seeds they
come out too narrow, unlike Student's interval of the mean (``ppo_cli.runs.eval_stats.mean_interval``).

Where a group is empty or too small for a question, or holds a value that is not finite, the answer is NaN.

The bootstrap of the interquartile mean is SciPy's. Our own are the interquartile mean itself, which is that
of ``scipy.stats.trim_mean`` without the half second that importing it takes (a sweep's live table shows it),
and the probability of improvement, which SciPy lacks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

NO_INTERVAL = (math.nan, math.nan)


def usable(values: Sequence[float]) -> bool:
    """Tell whether there are values and all of them are finite; statistics of others are NaN.

    What is so large that its square is not finite counts as infinite.
    """
    return len(values) > 0 and bool((np.abs(values) < 1e150).all())


def iqm(values: Sequence[float]) -> float:
    """Compute the interquartile mean: without the lowest and the highest quarter (each rounded down).

    >>> iqm([1, 2, 3, 100]), iqm([5, 7, 9])
    (2.5, 7.0)
    """
    return float(_trimmed_means(np.asarray(values, dtype=float))) if usable(values) else math.nan


def bootstrap_iqm_interval(
    values: Sequence[float], *, seed: int = 0, reps: int = 2000
) -> tuple[float, float]:
    """Compute the 95 % interval of the interquartile mean over runs.

    Args:
        values: One per run.
        seed: Of the random numbers.
        reps: Resamples.

    Returns:
        Low and high; NaN with fewer than two runs.
    """
    if len(values) < 2 or not usable(values):
        return NO_INTERVAL
    low, high = iqm_band(np.asarray(values, dtype=float)[:, None], seed=seed, reps=reps)
    return float(low[0]), float(high[0])


def iqm_band(
    values: FloatArray,  # [n, G]
    *,
    seed: int = 0,
    reps: int = 500,
) -> tuple[FloatArray, FloatArray]:  # [G], [G]
    """Compute the 95 % bootstrap interval of the interquartile mean at each point of a grid.

    Whole runs are drawn anew, the same ones at every point.

    Args:
        values: One row per run; NaN at a point makes its interval NaN.
        seed: Of the random numbers.
        reps: Resamples.

    Returns:
        Low and high; NaN with fewer than two runs.
    """
    low, high = np.full((2, values.shape[1]), math.nan)
    whole = np.isfinite(values).all(axis=0)
    if len(values) < 2 or not whole.any():
        return low, high
    from scipy import stats

    low[whole], high[whole] = stats.bootstrap(
        (values[:, whole],),
        lambda resampled, axis: _trimmed_means(np.moveaxis(resampled, axis, -1)),
        axis=0,
        n_resamples=reps,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return low, high


def probability_of_improvement(
    a: Sequence[float],  # [n]
    b: Sequence[float],  # [m]
) -> float:
    """Compute the probability that a run of ``a`` ends higher than a run of ``b``, a tie counting half.

        P = (number of pairs with a_i > b_j + half the number of ties) / (n m)

    It is the Mann-Whitney statistic U divided by n m.
    """
    return float(_wins(a, b).mean()) if usable(a) and usable(b) else math.nan


def improvement_interval(
    a: Sequence[float], b: Sequence[float], *, seed: int = 0, reps: int = 2000
) -> tuple[float, float]:
    """Compute the 95 % interval of ``probability_of_improvement``, the runs of each group drawn anew.

    A resample is given by how often it holds each run, so that all of them are two products of matrices, of
    wins that are counted once. ``scipy.stats.bootstrap`` gives the same interval from other random numbers
    (ends moved by up to 0.02 for 8 and 8 runs of 2000 resamples) and takes as long.

    Returns:
        Low and high; NaN where a group has fewer than two runs.
    """
    if min(len(a), len(b)) < 2 or not (usable(a) and usable(b)):
        return NO_INTERVAL
    rng = np.random.default_rng(seed)
    # How often each run is drawn: [reps, n] and [reps, m].
    times_a, times_b = (rng.multinomial(n, np.full(n, 1 / n), size=reps) for n in (len(a), len(b)))
    drawn_wins = ((times_a @ _wins(a, b)) * times_b).sum(axis=1)
    return _percentile_interval(drawn_wins / (len(a) * len(b)))


def performance_profile(
    values: Sequence[float],
    thresholds: Sequence[float],  # [K]
) -> FloatArray:  # [K]
    """Compute the fraction of runs strictly above each threshold."""
    if not usable(values):
        return np.full(len(thresholds), math.nan)
    above = np.asarray(values, dtype=float) > np.asarray(thresholds, dtype=float)[:, None]  # [K, n]
    return np.asarray(above.mean(axis=1), dtype=float)


def _wins(a: Sequence[float], b: Sequence[float]) -> FloatArray:  # [n, m]
    """Mark with 1 where a run of ``a`` is above one of ``b``, with 1/2 where they are equal, else with 0."""
    sign = np.sign(np.asarray(a, dtype=float)[:, None] - np.asarray(b, dtype=float))
    return np.asarray((sign + 1) / 2, dtype=float)


def _trimmed_means(
    values: FloatArray,  # [..., n]
) -> FloatArray:  # [...]
    n = values.shape[-1]
    cut = n // 4
    return np.asarray(np.sort(values, axis=-1)[..., cut : n - cut].mean(axis=-1), dtype=float)


def _percentile_interval(
    resampled: FloatArray,  # [reps]
) -> tuple[float, float]:
    low, high = np.quantile(resampled, (0.025, 0.975))
    return float(low), float(high)
