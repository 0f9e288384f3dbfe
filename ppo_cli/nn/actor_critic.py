"""Actor and critic of all members as one stack of equal multilayer perceptrons.

Actor and critic have the same shape, so a member is two rows of one parameter matrix and the population is
2M rows: each layer of all networks is one batched matrix product. Heads are padded to one width K; the
padding gets no gradient and stays zero. (A product with a single output column would take another kernel when
M is 1 and give other bits than the same member within a population, so K is at least 2.)

Forward and backward are written out over buffers that are allocated once: for networks this small, fresh
memory and autograd's bookkeeping cost more than the arithmetic.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppo_cli.nn.layers import ACTIVATIONS, orthogonal
from ppo_cli.spaces import EnvSpec

POLICY_HEAD_GAIN = 0.01
VALUE_HEAD_GAIN = 1.0

Layers = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class PolicyOutput:
    """What a policy says about a batch of observations.

    Attributes:
        location: Logits of a discrete action, mean of a continuous one, ``[M, B, A]``.
        log_std: Logarithm of the standard deviation of a continuous action, ``[M, A]``; None when discrete.
    """

    location: Tensor
    log_std: Tensor | None

    def first(self, count: int) -> PolicyOutput:
        """The first ``count`` of the B observations."""
        return PolicyOutput(self.location[:, :count], self.log_std)


class ActorCritic:
    """The shape of one member's networks, and the batched functions over ``params [M, P]``.

    The object holds no parameters. It owns the work buffers, so one object serves one thread.

    Args:
        spec: The environment: O, A and the kind of action.
        hidden_sizes: Width of each hidden layer.
        activation: ``"relu"`` or ``"tanh"``.
    """

    def __init__(self, spec: EnvSpec, hidden_sizes: Sequence[int], activation: str) -> None:
        self.spec = spec
        self.hidden_sizes = tuple(hidden_sizes)
        self.activation = ACTIVATIONS[activation]
        self.continuous = spec.action.kind == "box"
        self.num_actions = spec.action.size
        self.head_width = max(self.num_actions, 2)
        sizes = (spec.obs_size, *self.hidden_sizes, self.head_width)
        self.shapes = tuple(itertools.pairwise(sizes))
        self.layer_params = sum(n_in * n_out + n_out for n_in, n_out in self.shapes)
        self.row_params = self.layer_params + (self.num_actions if self.continuous else 0)
        self.num_params = 2 * self.row_params
        self._buffers: dict[tuple[Any, ...], Tensor] = {}
        self._views: dict[str, tuple[Any, Layers]] = {}

    def init(
        self,
        rngs: Sequence[np.random.Generator],
        log_std_init: Sequence[float],
    ) -> Tensor:  # [M, P]
        """Fresh parameters: orthogonal weights and zero biases.

        The gain is the activation's in hidden layers, 0.01 in the policy head and 1 in the value head.

        Args:
            rngs: One random stream per member.
            log_std_init: Initial log standard deviation of continuous actions, one per member.
        """
        members = [self._init_member(rng, value) for rng, value in zip(rngs, log_std_init, strict=True)]
        return torch.from_numpy(np.stack(members))

    def forward(
        self,
        params: Tensor,  # [M, P]
        obs: Tensor,  # [M, B, O]
    ) -> tuple[PolicyOutput, Tensor]:
        """Policy outputs and values ``[M, B]``; differentiable in ``params``.

        The result of a call that needs no gradient lives in buffers which the next call with the same
        shape overwrites.
        """
        heads: Tensor = _Heads.apply(params, obs, self)  # type: ignore[no-untyped-call]  # [M, 2, B, K]
        return self._policy_output(params, heads[:, 0]), heads[:, 1, :, 0]

    def act(
        self,
        params: Tensor,  # [M, P]
        obs: Tensor,  # [M, B, O]
    ) -> PolicyOutput:
        """Policy outputs alone, without gradient: what collecting and evaluating need."""
        num_members = params.shape[0]
        rows = params.view(num_members, 2, self.row_params)[:, 0]
        if num_members == 1 and torch.get_num_threads() > 1:
            # One matrix is cut into pieces for the threads, and its product has other bits; two are not.
            rows, obs = params.view(2, self.row_params), obs.expand(2, -1, -1)
        layers = self._cached_layers("actor", rows)
        return self._policy_output(params, self._run(layers, obs)[-1][:num_members])

    def mean_std(self, params: Tensor) -> Tensor:  # [M]
        """Mean standard deviation of continuous actions; NaN for discrete ones."""
        if not self.continuous:
            return torch.full((params.shape[0],), torch.nan)
        return torch.stack([row[self.layer_params : self.row_params].exp().mean() for row in params])

    def named_parameters(self, params: Tensor) -> dict[str, Tensor]:
        """One member's parameters ``[P]`` by name, without the padding: what a policy file holds."""
        named: dict[str, Tensor] = {}
        for net, row, width in self._nets(params):
            for index, (weight, bias) in enumerate(self._layers(row[None])):
                n_out = width if index == len(self.shapes) - 1 else weight.shape[2]
                named[f"{net}.{index}.weight"] = weight[0, :, :n_out]
                named[f"{net}.{index}.bias"] = bias[0, 0, :n_out]
        if self.continuous:
            named["log_std"] = params[self.layer_params : self.row_params]
        return named

    def empty_member(self) -> Tensor:  # [P]
        """Parameters of zeros, to be filled through :meth:`named_parameters`."""
        return torch.zeros(self.num_params)

    def _nets(self, params: Tensor) -> tuple[tuple[str, Tensor, int], tuple[str, Tensor, int]]:
        actor, critic = params.view(2, self.row_params)
        return ("actor", actor, self.num_actions), ("critic", critic, 1)

    def _init_member(self, rng: np.random.Generator, log_std_init: float) -> np.ndarray:
        member = self.empty_member()
        for net, row, width in self._nets(member):
            for index, (weight, _) in enumerate(self._layers(row[None])):
                last = index == len(self.shapes) - 1
                head_gain = POLICY_HEAD_GAIN if net == "actor" else VALUE_HEAD_GAIN
                gain = head_gain if last else self.activation.gain
                n_out = width if last else weight.shape[2]
                weight[0, :, :n_out] = torch.from_numpy(orthogonal(rng, weight.shape[1], n_out, gain))
        if self.continuous:
            member[self.layer_params : self.row_params] = log_std_init
        return member.numpy()

    def _policy_output(self, params: Tensor, heads: Tensor) -> PolicyOutput:
        log_std = params[:, self.layer_params : self.row_params] if self.continuous else None
        return PolicyOutput(heads[..., : self.num_actions], log_std)

    def _layers(self, rows: Tensor) -> Layers:
        """Weights ``[R, in, out]`` and biases ``[R, 1, out]`` of R rows, as views."""
        layers, start = [], 0
        for n_in, n_out in self.shapes:
            weight = rows[:, start : start + n_in * n_out].view(-1, n_in, n_out)
            start += n_in * n_out
            layers.append((weight, rows[:, None, start : start + n_out]))
            start += n_out
        return layers

    def _cached_layers(self, use: str, rows: Tensor) -> Layers:
        """The views of the last call for the same use, when they look at the same memory."""
        place = (rows.data_ptr(), rows.shape, rows.stride())
        if use not in self._views or self._views[use][0] != place:
            self._views[use] = (place, self._layers(rows))
        return self._views[use][1]

    def _buffer(self, name: str, *shape: int) -> Tensor:
        key = (name, *shape)
        if key not in self._buffers:
            self._buffers[key] = torch.empty(shape)
        return self._buffers[key]

    def _run(self, layers: Layers, inputs: Tensor) -> list[Tensor]:
        """Inputs ``[R, B, O]`` and the outputs of every layer."""
        outputs = [inputs]
        last = len(layers) - 1
        for index, (weight, bias) in enumerate(layers):
            out = self._buffer(f"out{index}", weight.shape[0], inputs.shape[1], weight.shape[2])
            torch.baddbmm(bias, outputs[-1], weight, out=out)
            if index < last:
                self.activation.apply_(out)
            outputs.append(out)
        return outputs


class _Heads(torch.autograd.Function):
    """Heads of all networks, with the gradient with respect to the parameters written out."""

    @staticmethod
    def forward(ctx: Any, params: Tensor, obs: Tensor, net: ActorCritic) -> Tensor:
        num_members, batch, obs_size = obs.shape
        inputs = net._buffer("inputs", num_members, 2, batch, obs_size)
        inputs.copy_(obs[:, None])
        layers = net._cached_layers("params", params.view(2 * num_members, net.row_params))
        ctx.outputs = net._run(layers, inputs.view(2 * num_members, batch, obs_size))
        ctx.layers, ctx.net = layers, net
        heads: Tensor = ctx.outputs[-1]
        return heads.view(num_members, 2, batch, net.head_width)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        net: ActorCritic = ctx.net
        layers, outputs = ctx.layers, ctx.outputs
        grad = grad_outputs[0].reshape(outputs[-1].shape)
        grad_rows = net._buffer("grad_rows", grad.shape[0], net.row_params).zero_()
        grads = net._cached_layers("grads", grad_rows)
        for index in reversed(range(len(layers))):
            grad_weight, grad_bias = grads[index]
            grad_weight.copy_(torch.bmm(outputs[index].transpose(1, 2), grad))
            torch.sum(grad, 1, keepdim=True, out=grad_bias)
            if index:
                below = net._buffer(f"grad{index}", *outputs[index].shape)
                torch.bmm(grad, layers[index][0].transpose(1, 2), out=below)
                grad = net.activation.backward_(below, outputs[index])
        return grad_rows.view(-1, net.num_params), None, None
