"""Scores of many overlapping sequences by a transformer of one layer: what they share is computed once.

Sequences that begin elsewhere see a step at another position, so its key and its value differ from one to the
next. With one layer, though, they are a part of the step and a part of the position, up to a factor:

    key(step, position) = gain (e + p) / rms(e + p) W = (key(e) + key(p)) / rms(e + p)

where e is what the input layer makes of the step, and p the position's parameters; and the same of queries
and values. So both are multiplied by W on their own, and a sequence costs the attention of its last step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ppo_cli.rewards.blocks import EPSILON, HEADS, Parts, fed_forward, scored

BLOCK = 64  # sequences of an environment whose attention is computed at a time


@dataclass(frozen=True)
class Ends:
    """Which sequences: Q of each of N environments, by the numbers of their first and last steps.

    Attributes:
        first: ``[N, Q]`` int64.
        last: ``[N, Q]`` int64, not before ``first``.
    """

    first: Tensor
    last: Tensor


@dataclass(frozen=True)
class Shared:
    """What all sequences share: S steps of N environments, L positions.

    Attributes:
        embedded: What the input layer makes of steps, ``[K, N, S, W]``.
        steps: Their share of queries, keys and values, ``[3, K, H, N, S, W / H]``.
        positions: The share of positions, ``[3, K, H, L, W / H]``.
        inverse_rms: Of a step at a position, ``[K, N, S, L]``.
    """

    embedded: Tensor
    steps: Tensor
    positions: Tensor
    inverse_rms: Tensor

    @classmethod
    def of(cls, part: Parts, seen: Tensor) -> Shared:  # [N, S, D]
        """From an ensemble's parameters and what is seen of the steps."""
        position, gain = part["position"], part["0.norm1"][:, None]  # [K, L, W], [K, 1, W]
        (members, length, width), num_envs = position.shape, len(seen)
        heads = (3, HEADS, width // HEADS)
        embedded = torch.bmm(seen.flatten(0, 1).expand(members, -1, -1), part["input"])  # [K, N S, W]
        squares = embedded.square().sum(-1, keepdim=True) + position.square().sum(-1)[:, None]
        squares = torch.baddbmm(squares, embedded, position.transpose(1, 2), alpha=2).clamp_(min=0)
        steps, positions = (torch.bmm(own * gain, part["0.qkv"]) for own in (embedded, position))
        return cls(
            embedded.view(members, num_envs, -1, width),
            steps.view(members, num_envs, -1, *heads).permute(3, 0, 4, 1, 2, 5).contiguous(),
            positions.view(members, -1, *heads).permute(2, 0, 3, 1, 4).contiguous(),
            (squares / width + EPSILON).rsqrt().view(members, num_envs, -1, length),
        )


def prefix_scores(part: Parts, seen: Tensor, ends: Ends) -> Tensor:
    """The scores of sequences at their last steps.

    Args:
        part: An ensemble's parameters.
        seen: What is seen of the steps of N environments, ``[N, S, D]``.
        ends: The sequences, none of more steps than there are positions. Those of a block of last steps are
            computed together, so they are best ordered by these.

    Returns:
        ``[K, N, Q]``.
    """
    shared = Shared.of(part, seen)
    envs = torch.arange(len(seen))[:, None]
    place = ends.last - ends.first
    x = shared.embedded[:, envs, ends.last] + part["position"][:, place]  # [K, N, Q, W]
    blocks = zip(*(torch.split(own, BLOCK, 1) for own in (ends.first, ends.last)), strict=True)
    mixed = torch.cat([_attended(shared, Ends(*block)) for block in blocks], 2)
    flat = fed_forward(part, 0, x.flatten(1, 2), mixed.flatten(1, 2))
    return scored(part, flat).view(-1, *place.shape)


def _attended(shared: Shared, ends: Ends) -> Tensor:  # [K, N, Q, W]
    """What the heads mix for the last steps of sequences."""
    (_, members, heads, num_envs, _, size), length = shared.steps.shape, shared.positions.shape[3]
    envs, place = torch.arange(num_envs)[:, None], ends.last - ends.first
    begin, stop = int(ends.first.min()), int(ends.last.max()) + 1
    queries = shared.steps[0][:, :, envs, ends.last] + shared.positions[0][:, :, place]  # [K, H, N, Q, d]
    queries = queries * (shared.inverse_rms[:, envs, ends.last, place] / math.sqrt(size))[:, None, ..., None]
    keys, values = shared.steps[1:, :, :, :, begin:stop]  # [K, H, N, J, d] each
    # Position p of a sequence is step first + p; those behind its last step weigh nothing.
    within = torch.arange(length)
    behind = within > place[..., None]  # [N, Q, L]
    step = (ends.first[..., None] + within).clamp(max=stop - 1)
    factor = shared.inverse_rms[:, envs[..., None], step, within][:, None]  # [K, 1, N, Q, L]
    index = (step - begin).expand(members, heads, -1, -1, -1)
    by_step = torch.matmul(queries, keys.transpose(-1, -2)).gather(-1, index)
    by_position = torch.matmul(queries.flatten(2, 3), shared.positions[1].transpose(-1, -2)).view_as(by_step)
    logits = (by_step + by_position) * factor
    weights = logits.masked_fill_(behind, -torch.inf).softmax(-1) * factor
    spread = weights.new_zeros(*weights.shape[:-1], stop - begin).scatter_add_(-1, index, weights)
    mixed = torch.matmul(weights.flatten(2, 3), shared.positions[2]).view_as(queries)
    return (mixed + torch.matmul(spread, values)).permute(0, 2, 3, 1, 4).flatten(3)
