"""The parts of a transformer that see each step by itself: ``[K, B, W]``, members of an ensemble, steps."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

HEADS = 2
EPSILON = 1e-6

Parts = Mapping[str, Tensor]
"""Parameters by name, ``[K, ...]``."""


def normalized(x: Tensor) -> Tensor:
    """Divided by the root of the mean square over the last axis (Zhang and Sennrich 2019)."""
    return x * (x.square().mean(-1, keepdim=True) + EPSILON).rsqrt()


def projected(part: Parts, layer: int, x: Tensor) -> Tensor:  # [K, B, 3 W]
    """Queries, keys and values of a layer."""
    return torch.bmm(normalized(x) * part[f"{layer}.norm1"][:, None], part[f"{layer}.qkv"])


def fed_forward(part: Parts, layer: int, x: Tensor, mixed: Tensor) -> Tensor:  # [K, B, W]
    """What a layer makes of its input and of what the heads have mixed: the rest of it."""
    x = x + torch.bmm(mixed, part[f"{layer}.out"])
    normed = normalized(x) * part[f"{layer}.norm2"][:, None]
    inner = torch.relu(torch.bmm(normed, part[f"{layer}.up"]) + part[f"{layer}.up_bias"][:, None])
    return x + torch.bmm(inner, part[f"{layer}.down"]) + part[f"{layer}.down_bias"][:, None]


def scored(part: Parts, x: Tensor) -> Tensor:  # [K, B]
    """The head's score."""
    return torch.bmm(normalized(x) * part["norm"][:, None], part["head"])[..., 0]
