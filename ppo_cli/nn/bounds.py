"""From fractions between 0 and 1 to the bounds of an action."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ppo_cli.errors import UsageError
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
    def of(cls, action: ActionSpec, setting: str) -> Bounds:
        """The bounds of an action for a policy that cannot do without them.

        Args:
            action: The action space.
            setting: What needs them, as in ``policy=beta``.

        Raises:
            UsageError: One is infinite, or they are too far apart for float32.
        """
        low, high = torch.tensor(action.low), torch.tensor(action.high)
        wide = (~torch.isfinite(high - low)).nonzero().flatten().tolist()
        if wide:
            where = f"action {wide[0]} goes from {action.low[wide[0]]:g} to {action.high[wide[0]]:g}"
            raise UsageError(
                f"{setting} needs actions with finite bounds, and {where}",
                hint="take --set policy=gaussian --set squash=false: its actions need no bounds",
                key=f"network.{setting.partition('=')[0]}",
            )
        return cls(low, high)

    def scale(self, fractions: Tensor) -> Tensor:  # [..., A] -> [..., A]
        """0 becomes the lower bound and 1 the upper one; rounding does not lead beyond them."""
        scaled = self.low + (self.high - self.low) * fractions
        return torch.minimum(torch.maximum(scaled, self.low), self.high)
