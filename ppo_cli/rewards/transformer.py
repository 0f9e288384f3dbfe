"""A reward that has seen the steps before: a small causal transformer that scores prefixes (Kim et al. 2023).

    score(t) = head(transformer(step 1, ..., step t)),    reward(t) = score(t) - score(t - 1)

Rewards telescope to the score of the whole. A layer is x + attention(norm(x)), then x + mlp(norm(x)); a
position is added to the input. All members of an ensemble are one batched product, each on parameters of its
own. The gradient is automatic differentiation's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ppo_cli.rewards.blocks import HEADS, Parts, fed_forward, projected, scored
from ppo_cli.rewards.inputs import num_step_inputs
from ppo_cli.rewards.network import Clips, aligned
from ppo_cli.rewards.prefixes import Ends, prefix_scores
from ppo_cli.spaces import EnvSpec

INIT_STD = 0.02
WIDER = 2  # units of the inner mlp, in widths
BLOCK = 64  # sequences of a network of several layers that are scored at a time


class TransformerReward:
    """See :class:`~ppo_cli.rewards.network.RewardNetwork`.

    Args:
        spec: The environment.
        width: Numbers kept of a step.
        layers: How many.
        length: Steps of a clip, which is as far as a reward looks back.
    """

    judges_prefixes = True
    needs_states = False

    def __init__(self, spec: EnvSpec, width: int, layers: int, length: int) -> None:
        self.context = length - 1
        self.width, self.layers = width, layers
        shapes: dict[str, tuple[int, ...]] = {
            "input": (num_step_inputs(spec), width),
            "position": (length, width),
        }
        for layer in range(layers):
            shapes |= {
                f"{layer}.qkv": (width, 3 * width), f"{layer}.out": (width, width),
                f"{layer}.up": (width, WIDER * width), f"{layer}.down": (WIDER * width, width),
                f"{layer}.up_bias": (WIDER * width,), f"{layer}.down_bias": (width,),
                f"{layer}.norm1": (width,), f"{layer}.norm2": (width,),
            }  # fmt: skip
        shapes |= {"norm": (width,), "head": (width, 4)}  # the head's other columns stay unused
        self._places: dict[str, tuple[slice, tuple[int, ...]]] = {}
        start = 0
        for name, shape in shapes.items():
            size = math.prod(shape)
            self._places[name] = (slice(start, start + size), shape)
            start = aligned(start + size)
        self.num_params = start
        self.matrices = torch.zeros(start, dtype=torch.bool)
        for place, shape in self._places.values():
            self.matrices[place] = len(shape) == 2
        self._leaf: Tensor | None = None
        self._output: Tensor | None = None

    def init(self, rngs: Sequence[np.random.Generator]) -> Tensor:
        """Normal weights of standard deviation 0.02 (inputs by their number), gains of one, zero biases."""
        params = torch.zeros(len(rngs), self.num_params)
        for row, rng in zip(params, rngs, strict=True):
            for name, (place, shape) in self._places.items():
                if "norm" in name:
                    row[place] = 1.0
                elif len(shape) == 2 and name != "head":
                    std = 1 / math.sqrt(shape[0]) if name != "position" else INIT_STD
                    row[place] = torch.from_numpy(
                        (std * rng.standard_normal(math.prod(shape))).astype(np.float32)
                    )
                elif name == "head":
                    head = np.zeros(shape, dtype=np.float32)
                    head[:, 0] = INIT_STD * rng.standard_normal(shape[0])
                    row[place] = torch.from_numpy(head.ravel())
        return params

    def scores(self, params: Tensor, clips: Clips) -> Tensor:
        """The score up to each step; after an end it stays what it was there."""
        clips = Clips(*(_twice(values) for values in vars(clips).values()))
        self._leaf = _twice(params.detach()).clone().requires_grad_()
        with torch.enable_grad():
            scores = self._prefix_scores(self._leaf, clips.steps)
            last = clips.mask.sum(-1, keepdim=True).clamp(min=1) - 1
            held = torch.minimum(torch.arange(clips.mask.shape[-1]), last)
            self._output = scores.gather(-1, held)
        return self._output.detach()[: len(params)]

    def backward(self, params: Tensor, grad_scores: Tensor) -> Tensor:
        """By automatic differentiation of the last :meth:`scores`."""
        assert self._leaf is not None and self._output is not None
        (grads,) = torch.autograd.grad(self._output, self._leaf, _twice(grad_scores))
        return grads[: len(params)]

    def rewards(self, params: Tensor, steps: Tensor, states: Tensor, next_states: Tensor) -> Tensor:
        """Score of the sequence less that of the sequence without its last step; an empty one scores 0."""
        started = ~torch.isnan(steps[..., 0])  # [B, context + 1]
        count = started.sum(-1)
        # The sequence begins at position 0, as it did in the clips.
        first = steps.shape[1] - count
        order = (torch.arange(steps.shape[1]) + first[:, None]).clamp(max=steps.shape[1] - 1)
        shifted = steps.gather(1, order[..., None].expand_as(steps))
        with torch.no_grad():
            scores = self._prefix_scores(_twice(params), shifted.expand(max(len(params), 2), *shifted.shape))[
                : len(params)
            ]
        last = (count - 1)[:, None].expand(len(params), -1, 1)
        now = scores.gather(-1, last)[..., 0]
        before = scores.gather(-1, (last - 1).clamp(min=0))[..., 0]
        return now - torch.where(count > 1, before, 0.0)

    def rewards_along(self, params: Tensor, steps: Tensor, states: Tensor | None, ages: Tensor) -> Tensor:
        """With one layer, by what sequences share; with more, sequence by sequence."""
        num_steps = len(ages)
        count = ages.clamp(max=self.context) + 1  # of each sequence
        last = torch.arange(num_steps)[:, None] + self.context
        first = last - count + 1
        with torch.no_grad():
            if self.layers > 1:
                return self._one_by_one(params, steps, first)
            # Each sequence, and the same without its last step: of a single step there is none before.
            ends = Ends(*(torch.stack(pair, 1).flatten(0, 1).T for pair in (
                (first, first), (last.expand_as(first), torch.maximum(last - 1, first))
            )))  # fmt: skip
            scores = prefix_scores(self._parts(params), steps.transpose(0, 1), ends)  # [K, N, 2 T]
        now, before = scores.view(*scores.shape[:2], num_steps, 2).transpose(1, 2).unbind(-1)
        return now - torch.where(count > 1, before, 0.0)

    def _one_by_one(self, params: Tensor, steps: Tensor, first: Tensor) -> Tensor:  # [T, N] -> [K, T, N]
        num_envs, within = steps.shape[1], torch.arange(self.context + 1)
        out = []
        for rows in torch.split(torch.arange(first.numel()), BLOCK):
            place = rows[:, None] // num_envs + within  # [B, L]
            begun = place >= first.flatten()[rows, None]
            sequences = steps[place, rows[:, None] % num_envs].where(begun[..., None], torch.nan)
            out.append(self.rewards(params, sequences, *[steps[:0]] * 2))
        return torch.cat(out, 1).view(-1, *first.shape)

    def _parts(self, params: Tensor) -> Parts:
        return {name: params[:, place].view(-1, *shape) for name, (place, shape) in self._places.items()}

    def _prefix_scores(self, params: Tensor, steps: Tensor) -> Tensor:  # [K, P], [K, C, L, D] -> [K, C, L]
        members, clips, length, _ = steps.shape
        part = self._parts(params)
        x = torch.bmm(steps.reshape(members, clips * length, -1), part["input"])
        x = x + part["position"][:, :length].repeat(1, clips, 1)  # [K, C L, W]
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        for layer in range(self.layers):
            qkv = projected(part, layer, x).view(members * clips, length, 3, HEADS, -1)
            query, key, value = (qkv[:, :, i].transpose(1, 2).flatten(0, 1) for i in range(3))  # [KCH, L, d]
            logits = torch.bmm(query, key.transpose(1, 2)) / math.sqrt(query.shape[-1])
            weights = logits.masked_fill(~causal, -torch.inf).softmax(-1)
            mixed = torch.bmm(weights, value).view(members, clips, HEADS, length, -1)
            x = fed_forward(part, layer, x, mixed.transpose(2, 3).flatten(3).flatten(1, 2))
        return scored(part, x).view(members, clips, length)


def _twice(values: Tensor) -> Tensor:
    """A single member twice: a matrix alone may be multiplied otherwise than one in a batch."""
    return values.expand(2, *values.shape[1:]) if len(values) == 1 else values
