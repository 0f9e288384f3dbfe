"""From clips and rollouts to the sequences that a reward may depend on: each step with those before it."""

from __future__ import annotations

import torch
from torch import Tensor

from ppo_cli.rewards.inputs import Transitions


def sequences_of_clips(seen: Transitions, context: int) -> tuple[Transitions, Tensor]:
    """Every step of clips ``[..., L]`` with the ``context`` steps before it, as ``[B, context + 1, ...]``.

    Returns:
        The sequences, and where they have begun, ``[B, context + 1]`` bool.
    """
    length = seen.terminated.shape[-1]
    place = torch.arange(length)[:, None] - torch.arange(context, -1, -1)  # [L, context + 1]
    leading = seen.terminated.dim() - 1

    def windows(values: Tensor) -> Tensor:
        flat = values.flatten(0, leading - 1) if leading > 1 else values.reshape(-1, *values.shape[leading:])
        return flat[:, place.clamp(min=0)].flatten(0, 1)

    parts = Transitions(*(windows(values) for values in vars(seen).values()))
    started = (place >= 0).repeat(len(parts.terminated) // length, 1)
    return parts, started
