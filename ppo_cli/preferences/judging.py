"""How good a reward model is, by answers that it had not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.preferences.describing import self_agreement
from ppo_cli.preferences.records import Comparison
from ppo_cli.rewards.ranks import rank_correlation

Array = NDArray[Any]
BINS = 10
_Z = 1.959964  # of a 95 % interval


def judgement(
    comparisons: Sequence[Comparison],
    logits: Array,  # [N], how much better ``a`` is said to be; NaN where nobody could say
    predicted: Array | None = None,  # [N, 2], returns of both clips
) -> dict[str, Any]:
    """How well answers were foretold; ties and pairs that were asked before are left out of accuracies.

    Args:
        comparisons: N answers.
        logits: What was said of them.
        predicted: What the model sums for their clips.
    """
    preference = np.array([one.preference for one in comparisons], dtype=np.float64)
    known = np.isfinite(logits) & (preference != 0.5)
    known &= np.array([one.repeat is None for one in comparisons])
    right = (logits[known] > 0) == (preference[known] > 0.5)
    returns = [one.returns for one in comparisons]
    document: dict[str, Any] = {
        "accuracy": {
            "held_out": _mean(right),
            "ci95": wilson(int(right.sum()), len(right)) if len(right) else None,
            "pairs": len(right),
            "larger_half": None,
            "ceiling": ceiling(self_agreement(comparisons)),
        },
        "tie_rate": _mean(preference == 0.5),
        "calibration_error": calibration_error(_chances(logits[known]), preference[known]),
        "rank_correlation": None,
    }
    if returns and all(pair is not None for pair in returns):
        sums = np.array(returns, dtype=np.float64)
        gaps = np.abs(sums[known, 0] - sums[known, 1])
        if len(gaps):
            document["accuracy"]["larger_half"] = _mean(right[gaps >= np.median(gaps)])
        if predicted is not None:
            document["rank_correlation"] = rank_correlation(predicted.ravel(), sums.ravel())
    return document


def ceiling(agreement: float | None) -> float | None:
    """The accuracy of a model that knows the truth, against a teacher that agrees with itself this often.

    Two answers agree when both are right or both are wrong: a = (1 - e)^2 + e^2, e = (1 - sqrt(2 a - 1)) / 2.

    >>> ceiling(1.0), round(ceiling(0.82), 3), ceiling(None)
    (1.0, 0.9, None)
    """
    if agreement is None:
        return None
    return (1 + math.sqrt(max(2 * agreement - 1, 0.0))) / 2


def calibration_error(chances: Array, outcomes: Array) -> float | None:
    """Mean distance between what was foretold and what came, over bins of chances (Naeini et al. 2015)."""
    if not len(chances):
        return None
    number = np.minimum((chances * BINS).astype(int), BINS - 1)
    error = 0.0
    for one in range(BINS):
        own = number == one
        if own.any():
            error += own.mean() * abs(chances[own].mean() - outcomes[own].mean())
    return float(error)


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share, z2 = right / total, _Z**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None


def _chances(logits: Array) -> Array:
    chances: Array = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -500, 500)))
    return chances
