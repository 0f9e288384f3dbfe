"""What a network of rewards offers: to those who fit it, and to those who use it. Rows are an ensemble's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Clips:
    """Clips as networks take them, ``[K, C, L, ...]``: K members, C clips, L steps.

    Attributes:
        steps: What is seen of each transition, ``[K, C, L, D]``.
        states: Scaled observations before the first step and after the last, ``[K, C, 2, O]``.
        mask: False for the filler after the end of an episode, ``[K, C, L]`` bool.
    """

    steps: Tensor
    states: Tensor
    mask: Tensor


class RewardNetwork(Protocol):
    """The shape of an ensemble's networks, and batched functions over ``params [K, P]``.

    Attributes:
        num_params: P.
        matrices: Which of the P are weights, not biases, ``[P]`` bool: what weight decay shrinks.
        context: Steps before this one that a reward may depend on; 0 where it depends on the step alone.
        judges_prefixes: Whether :meth:`scores` has a score for each step of a clip, rather than one.
        needs_states: Whether rewards depend on the states before and after a step by themselves.
    """

    num_params: int
    matrices: Tensor
    context: int
    judges_prefixes: bool
    needs_states: bool

    def init(self, rngs: Sequence[np.random.Generator]) -> Tensor:  # [K, P]
        """Fresh parameters, a random stream for each member."""

    def scores(self, params: Tensor, clips: Clips) -> Tensor:  # [K, C, 1 or L]
        """What clips are worth: as a whole, or up to each of their steps."""

    def backward(self, params: Tensor, grad_scores: Tensor) -> Tensor:  # [K, P]
        """Gradient of the parameters from that of the last :meth:`scores`."""

    def rewards(self, params: Tensor, steps: Tensor, states: Tensor, next_states: Tensor) -> Tensor:
        """Rewards of the last step of sequences.

        Args:
            params: ``[K, P]``.
            steps: What is seen of the steps, ``[B, context + 1, D]``, NaN before an episode's start.
            states: Scaled observations before the last step, ``[B, O]``.
            next_states: After it, ``[B, O]``.

        Returns:
            ``[K, B]``.
        """

    def rewards_along(self, params: Tensor, steps: Tensor, states: Tensor | None, ages: Tensor) -> Tensor:
        """The same rewards of consecutive steps, each number that several of them share computed once.

        Args:
            params: ``[K, P]``.
            steps: What is seen of the steps of N environments, ``[context + T, N, D]``.
            states: Scaled observations before and after the last T steps, ``[T + 1, N, O]``; None where they
                are not needed.
            ages: How many steps of its episode came before each of these, ``[T, N]``.

        Returns:
            Rewards of the last T steps, ``[K, T, N]``.
        """


LARGEST_LOGIT = 80.0  # its exponential is finite


def aligned(size: int) -> int:
    """The next multiple of 4: rows that begin at multiples of 16 bytes have equal bits in any ensemble."""
    return size + -size % 4


def preference_loss(
    scores: Tensor,  # [K, B, 2, S], of clips a and b
    preference: Tensor,  # [K, B], 1 where a is better, 0 where b is, one half where they are equal
    position_weights: Tensor,  # [K, B, S], sum to one over S
    weights: Tensor,  # [K, B], sum to one over B
    *,
    noise_floor: float,
    margin: float,
    centring: float,
    length: int,
) -> Tensor:  # [K]
    """The pairwise loss (Bradley and Terry 1952; Christiano et al. 2017; Stiennon et al. 2020).

        L = -log((1 - noise) sigmoid(R_better - R_worse - margin) + noise / 2)
            + centring ((R_better + R_worse) / length)^2

    What is centred is a reward per step: sums of clips differ, and are not to be each other's negative. Noise
    is the share of answers that are taken to be blind (Christiano et al. 2017, section 2.2.3). Equal clips
    count as one half of each answer, without a margin. A network that scores prefixes is judged at each
    position from where the clips part.
    """
    a, b = scores.unbind(2)  # [K, B, S]
    sure = (preference != 0.5)[..., None] * margin
    better = _log_chance(a - b - sure, noise_floor)
    worse = _log_chance(b - a - sure, noise_floor)
    chosen = preference[..., None]
    loss = -(chosen * better + (1 - chosen) * worse) + centring * ((a + b) / length) ** 2
    return ((loss * position_weights).sum(-1) * weights).sum(-1)


def _log_chance(logit: Tensor, noise: float) -> Tensor:
    """Log((1 - noise) sigmoid(logit) + noise / 2).

    By ``exp`` and ``reciprocal``: ``torch.sigmoid`` rounds the last few elements of a tensor otherwise than
    the others, so that a member's gradient would depend on its place.
    """
    sigmoid = ((-logit).clamp(max=LARGEST_LOGIT).exp() + 1).reciprocal()
    return torch.log((1 - noise) * sigmoid + noise / 2)
