"""Means within a member over its real transitions: fillers count for nothing, members never mix."""

from __future__ import annotations

from torch import Tensor


def mask_weights(mask: Tensor) -> Tensor:  # [..., B] -> [..., B]
    """Weights that sum to one over each member's real transitions, to zero where there are none.

    ``mask`` is 0 for what does not count; what counts may count more or less.
    """
    return mask / mask.sum(-1, keepdim=True).clamp_(min=1e-30)


def share_used(weights: Tensor) -> Tensor:  # [..., B] -> [...]
    """Share of the transitions that count."""
    return (weights > 0).float().mean(-1)


def masked_mean(
    values: Tensor,  # [..., B]
    weights: Tensor,  # [..., B], from mask_weights
) -> Tensor:  # [...]
    """Mean over the real transitions of each member."""
    return (values * weights).sum(-1)
