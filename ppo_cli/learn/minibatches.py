"""Minibatches of anything: a dataclass of tensors ``[M, B, ...]``, shuffled and cut into parts.

Fields may be tensors, None, or dataclasses of tensors again. A tensor whose second axis is 1 holds for all B.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ppo_cli.rng import Stream, generator

BatchT = TypeVar("BatchT")


def permutations(
    seeds: Sequence[int], iteration: int, num_epochs: int, batch_size: int
) -> Tensor:  # [M, E, B]
    """Draw an order of the batch for each of E epochs, per member from its own stream."""
    order = np.broadcast_to(np.arange(batch_size), (num_epochs, batch_size))
    shuffles = [generator(seed, Stream.SHUFFLE, iteration).permuted(order, axis=1) for seed in seeds]
    return torch.from_numpy(np.stack(shuffles))


def shuffled(
    batch: BatchT,  # [M, B, ...]
    order: Tensor,  # [M, B], each member's own order
    num_minibatches: int,
) -> BatchT:  # [K, M, B / K, ...]
    """Shuffle a batch and cut it into K = ``num_minibatches`` equal parts."""
    num_members, batch_size = order.shape
    rows = order + batch_size * torch.arange(num_members)[:, None]
    rows = rows.view(num_members, num_minibatches, -1).transpose(0, 1).reshape(-1)

    def cut(values: Tensor) -> Tensor:
        if values.shape[1] == 1 != batch_size:
            return values.expand(num_minibatches, *values.shape)
        picked = values.flatten(0, 1).index_select(0, rows)
        return picked.view(num_minibatches, num_members, -1, *values.shape[2:])

    return _map_tensors(batch, cut)


def unbind(batch: BatchT) -> list[BatchT]:  # [K, M, B, ...] -> K of [M, B, ...]
    """Take the minibatches of a batch that :func:`shuffled` cut one by one, as ``Tensor.unbind`` does."""
    columns: dict[str, Sequence[Any]] = {}
    for field in fields(batch):  # type: ignore[arg-type]
        values = getattr(batch, field.name)
        if values is not None:
            columns[field.name] = values.unbind(0) if isinstance(values, Tensor) else unbind(values)
    return [
        type(batch)(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)
    ]


def _map_tensors(batch: BatchT, function: Callable[[Tensor], Tensor]) -> BatchT:
    """Apply a function to every tensor of a batch."""

    def mapped(values: Any) -> Any:
        if isinstance(values, Tensor):
            return function(values)
        return _map_tensors(values, function) if is_dataclass(values) else values

    return type(batch)(**{field.name: mapped(getattr(batch, field.name)) for field in fields(batch)})  # type: ignore[arg-type]
