"""Synthetic teachers: how a known reward becomes answers, with the flaws of B-Pref (Lee et al. 2021)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.config.preference_settings import TeacherSettings
from ppo_cli.preferences.records import Answer
from ppo_cli.rng import Stream, generator

Array = NDArray[Any]


@dataclass(frozen=True)
class Scale:
    """What a teacher's thresholds are relative to: the returns of clips that the set began with.

    Attributes:
        spread: Standard deviation of the returns.
        skip_below: A pair is unclear when both returns are below this; minus infinity where none is.
    """

    spread: float
    skip_below: float

    @classmethod
    def of(cls, returns: Array, settings: TeacherSettings) -> Scale:
        """The scale of some clips' returns ``[B]``."""
        spread = float(np.std(returns))
        skip = float(np.quantile(returns, settings.skip)) if settings.skip else -math.inf
        return cls(spread if spread > 0 else 1.0, skip)


def clip_return(rewards: Array, length: int, discount: float) -> float:
    """Computes sum_t discount^(L - 1 - t) r_t; what comes after an end, up to L, is worth 0.

    Args:
        rewards: Of the clip's steps, ``[T]`` with T <= L.
        length: L, steps that a clip has.
        discount: Below 1 the teacher is myopic: it looks at the end of a clip (Lee et al. 2021).
    """
    ages = length - 1 - np.arange(len(rewards))
    return float((discount**ages * rewards).sum())


def chance_of_better(difference: float, spread: float, rationality: float | None) -> float:
    """Computes P(a is preferred) = sigmoid(rationality (R_a - R_b) / spread) (Bradley and Terry 1952).

    Without a ``rationality`` the better one is always preferred.
    """
    if rationality is None:
        return 1.0 if difference > 0 else 0.0 if difference < 0 else 0.5
    logit = min(max(rationality * difference / spread, -500.0), 500.0)
    return 1 / (1 + math.exp(-logit))


def answer(
    return_left: float, return_right: float, settings: TeacherSettings, scale: Scale, seed: int, number: int
) -> Answer:
    """What a synthetic teacher says of two clips.

    Args:
        return_left: What it sums for the clip on the left.
        return_right: The same on the right.
        settings: Its flaws.
        scale: What these are relative to.
        seed: The set's seed.
        number: The comparison's number; its chances are drawn at this address.
    """
    if max(return_left, return_right) < scale.skip_below:
        return "unclear"
    difference = return_left - return_right
    if abs(difference) < settings.equal * scale.spread or difference == 0:
        return "equal"
    luck, slip = generator(seed, Stream.TEACHER, number).random(2)
    prefers_left = luck < chance_of_better(difference, scale.spread, settings.rationality)
    if slip < settings.mistake:
        prefers_left = not prefers_left
    return "left" if prefers_left else "right"
