"""Means within a member over its real transitions: fillers count for nothing, members never mix."""

from __future__ import annotations

from torch import Tensor


def row_sum(values: Tensor) -> Tensor:  # [..., B] -> [...]
    """Sum of each row, with the same bits whatever the number of rows.

    A single long sum would be shared among threads, and then it has other bits: it is computed twice.
    """
    if values.numel() > values.shape[-1]:
        return values.sum(-1)
    return values.expand(2, *values.shape).sum(-1)[0]


def mask_weights(mask: Tensor) -> Tensor:  # [..., B] -> [..., B]
    """Weights that sum to one over each member's real transitions, to zero where there are none.

    ``mask`` is 0 for what does not count; what counts may count more or less.
    """
    return mask / row_sum(mask)[..., None].clamp_(min=1e-30)


def share_used(weights: Tensor) -> Tensor:  # [..., B] -> [...]
    """Share of the transitions that count."""
    return (weights > 0).float().mean(-1)


def masked_mean(
    values: Tensor,  # [..., B]
    weights: Tensor,  # [..., B], from mask_weights
) -> Tensor:  # [...]
    """Mean over the real transitions of each member."""
    return row_sum(values * weights)
