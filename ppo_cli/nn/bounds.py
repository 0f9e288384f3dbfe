"""From fractions between 0 and 1 to the bounds of an action."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ppo_cli.spaces import ActionSpec


@dataclass(frozen=True)
class Bounds:
    """The bounds of a box action, both finite.

    Attributes:
        low: ``[A]``.
        high: ``[A]``.
    """

    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, action: ActionSpec) -> Bounds:
        """The bounds of an action that has some: :func:`~ppo_cli.nn.suitable.check_suits` sees to it."""
        return cls(torch.tensor(action.low), torch.tensor(action.high))

    def scale(self, fractions: Tensor) -> Tensor:  # [..., A] -> [..., A]
        """0 becomes the lower bound and 1 the upper one; rounding does not lead beyond them."""
        scaled = self.low + (self.high - self.low) * fractions
        return torch.minimum(torch.maximum(scaled, self.low), self.high)
