"""A reward of single steps: r(s, a, s') = f(s', s' - s, a, terminated) + phi(s') - phi(s).

The difference of a potential is what shaping by one adds (Ng, Harada and Russell 1999). Over a clip it
telescopes: phi is computed at both ends only. Where an environment's reward is itself a difference, as
LunarLander's is, it is most of what there is to learn.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ppo_cli.nn.mlp import MLP
from ppo_cli.rewards.inputs import num_step_inputs
from ppo_cli.rewards.network import Clips, aligned
from ppo_cli.spaces import EnvSpec

HEAD_GAIN = 0.1


class MlpReward:
    """One or two multilayer perceptrons per member; see :class:`~ppo_cli.rewards.network.RewardNetwork`.

    Args:
        spec: The environment.
        hidden_sizes: Width of each hidden layer.
        activation: ``"relu"`` or ``"tanh"``.
        potential: Whether there is a phi.

    Attributes:
        nets: The shape of f, and of phi where there is one.
        places: Where their parameters lie among a member's.
    """

    context = 0
    judges_prefixes = False

    def __init__(self, spec: EnvSpec, hidden_sizes: Sequence[int], activation: str, potential: bool) -> None:
        inputs = [num_step_inputs(spec), *([spec.obs_size] if potential else [])]
        self.nets = [_aligned_mlp((size, *hidden_sizes, 1), activation) for size in inputs]
        ends = np.cumsum([0, *(net.row_params for net in self.nets)]).tolist()
        self.places = [slice(start, stop) for start, stop in itertools.pairwise(ends)]
        self.num_params = ends[-1]
        self.needs_states = potential
        self.matrices = torch.cat([_weights_of(net) for net in self.nets])
        self._mask: Tensor | None = None

    def init(self, rngs: Sequence[np.random.Generator]) -> Tensor:
        """Orthogonal weights, zero biases."""
        params = torch.zeros(len(rngs), self.num_params)
        for row, rng in zip(params, rngs, strict=True):
            for net, place in zip(self.nets, self.places, strict=True):
                net.init_(row[place], rng, 1, HEAD_GAIN)
        return params

    def scores(self, params: Tensor, clips: Clips) -> Tensor:
        """The sum of a clip's rewards; what comes after an end is worth nothing."""
        members, count, length = clips.mask.shape
        inputs = [clips.steps.flatten(1, 2), clips.states.flatten(1, 2)]
        outputs = self._forward(params, inputs)
        self._mask = clips.mask
        sums = (outputs[0].view(members, count, length) * clips.mask).sum(-1)
        if len(outputs) > 1:
            before, after = outputs[1].view(members, count, 2).unbind(-1)
            sums = sums + after - before
        return sums[..., None]

    def backward(self, params: Tensor, grad_scores: Tensor) -> Tensor:
        """Gradient of the parameters from that of the last :meth:`scores`."""
        assert self._mask is not None
        ends = torch.tensor([-1.0, 1.0])
        at_outputs = [(grad_scores * self._mask).flatten(1), (grad_scores * ends).flatten(1)]
        grads = torch.empty_like(params)
        for net, place, grad in zip(self.nets, self.places, at_outputs, strict=False):
            padded = net.buffer("grad_heads", *grad.shape, net.head_width).zero_()
            padded[..., 0] = grad
            rows = _doubled(params[:, place], net)
            if len(rows) != len(params):
                padded = padded.expand(len(rows), -1, -1).contiguous()
            grad_rows = net.backward(rows, padded)[: len(params)]
            grads[:, place] = grad_rows
            grads[:, place][:, net.layer_params :] = 0
        return grads

    def rewards(self, params: Tensor, steps: Tensor, states: Tensor, next_states: Tensor) -> Tensor:
        """F of the step, and the difference of the potential."""
        inputs = [steps[:, -1]] + ([torch.cat((states, next_states))] if self.needs_states else [])
        rewards, *potentials = self.outputs(params, inputs)
        if not potentials:
            return rewards
        before, after = potentials[0].chunk(2, dim=1)
        return rewards + after - before

    def rewards_along(self, params: Tensor, steps: Tensor, states: Tensor | None, ages: Tensor) -> Tensor:
        """F of each step, and the difference of the potential, which is computed once for each state."""
        inputs = [steps.flatten(0, 1)] + ([] if states is None else [states.flatten(0, 1)])
        rewards, *potentials = self.outputs(params, inputs)
        rewards = rewards.view(-1, *ages.shape)
        if not potentials:
            return rewards
        potential = potentials[0].view(len(rewards), -1, ages.shape[1])
        return rewards + potential[:, 1:] - potential[:, :-1]

    def outputs(self, params: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
        """What f, and phi where there is one, say of inputs ``[B, I]`` each: ``[K, B]`` each."""
        shared = [own.expand(len(params), -1, -1) for own in inputs]
        return [output.clone() for output in self._forward(params, shared)]

    def _forward(self, params: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:  # K of [K, B]
        outputs = []
        for net, place, own in zip(self.nets, self.places, inputs, strict=False):
            rows = _doubled(params[:, place], net)
            put = net.buffer("inputs", len(rows), *own.shape[1:])
            put.copy_(own)
            outputs.append(net.forward(rows, put)[: len(params), :, 0])
        return outputs


def _doubled(rows: Tensor, net: MLP) -> Tensor:
    return rows.expand(net.least_rows(len(rows)), -1)


def _aligned_mlp(sizes: Sequence[int], activation: str) -> MLP:
    plain = MLP(sizes, activation)
    return MLP(sizes, activation, extra=aligned(plain.layer_params) - plain.layer_params)


def _weights_of(net: MLP) -> Tensor:
    marks = torch.zeros(1, net.row_params)
    for weight, _ in net.layers(marks):
        weight.fill_(1)
    return marks[0] > 0
