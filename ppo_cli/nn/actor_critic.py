"""Actor and critic of all members as one stack of equal multilayer perceptrons.

Actor and critic have the same shape, so a member is R = 2 rows of one parameter matrix (1 without a critic)
and the population is R M rows: each layer of all networks is one batched matrix product.

A member's bits must not depend on M or on its row. So heads have at least 2 columns (a single one takes
another kernel when M is 1; the padding gets no gradient and stays zero), a single row in all is computed
twice where a matrix alone would get other bits, and all rows of a buffer begin alike, see
:meth:`ActorCritic._buffer`.

Forward and backward are written out over buffers that are allocated once: for networks this small, fresh
memory and autograd's bookkeeping cost more than the arithmetic.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppo_cli.nn.layers import ACTIVATIONS, orthogonal
from ppo_cli.nn.policy_output import PolicyOutput
from ppo_cli.spaces import EnvSpec

POLICY_HEAD_GAIN = 0.01
VALUE_HEAD_GAIN = 1.0

Layers = list[tuple[Tensor, Tensor]]


class ActorCritic:
    """The shape of one member's networks, and the batched functions over ``params [M, P]``.

    The object holds no parameters. It owns the work buffers, so one object serves one thread.

    Args:
        spec: The environment: O, A and the kind of action.
        hidden_sizes: Width of each hidden layer.
        activation: ``"relu"`` or ``"tanh"``.
        policy: Distribution of continuous actions, ``"gaussian"`` or ``"beta"``.
        critic: Whether there is one; without it values are zeros.

    Attributes:
        num_actions: Number of choices or length of an action: A.
        num_outputs: What the policy says of one observation: K numbers.
        has_log_std: Whether it has a standard deviation, which does not depend on the observation.
        num_params: Parameters of one member: P.
    """

    def __init__(
        self,
        spec: EnvSpec,
        hidden_sizes: Sequence[int],
        activation: str,
        policy: str = "gaussian",
        critic: bool = True,
    ) -> None:
        self.spec = spec
        self.hidden_sizes = tuple(hidden_sizes)
        self.activation = ACTIVATIONS[activation]
        self.continuous = spec.action.kind == "box"
        self.num_actions = spec.action.size
        self.has_log_std = self.continuous and policy == "gaussian"
        self.num_outputs = self.num_actions * (2 if self.continuous and policy == "beta" else 1)
        self.head_width = max(self.num_outputs, 2)
        sizes = (spec.obs_size, *self.hidden_sizes, self.head_width)
        self.shapes = tuple(itertools.pairwise(sizes))
        self.layer_params = sum(n_in * n_out + n_out for n_in, n_out in self.shapes)
        self.row_params = self.layer_params + (self.num_actions if self.has_log_std else 0)
        self.critic = critic
        self.num_params = self.row_params * (2 if critic else 1)
        self._buffers: dict[tuple[Any, ...], Tensor] = {}
        self._views: dict[str, tuple[Any, Layers]] = {}
        self._tape: list[Tensor] = []  # inputs and outputs of every layer in the last forward

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
        """Policy outputs and values ``[M, B]``, in buffers that the next call of this shape overwrites."""
        num_members, batch, obs_size = obs.shape
        rows = self._rows(params)
        inputs = self._buffer("inputs", len(rows), batch, obs_size)
        inputs.view(num_members, -1, batch, obs_size).copy_(obs[:, None])
        layers = self._cached_layers("params", rows)
        self._tape = self._run(layers, inputs, bulk=True)
        heads = self._tape[-1].view(num_members, -1, batch, self.head_width)
        policy = PolicyOutput(heads[:, 0, :, : self.num_outputs], self._log_std(params))
        return policy, heads[:, 1, :, 0] if self.critic else torch.zeros(num_members, batch)

    def backward(
        self,
        params: Tensor,  # [M, P], those of the last forward
        by_location: Tensor,  # [M, B, K]
        by_log_std: Tensor | None,  # [M, A]
        by_values: Tensor,  # [M, B], ignored without a critic
    ) -> Tensor:  # [M, P]
        """Gradient of the parameters from the gradients of what the last :meth:`forward` returned.

        The result lives in a buffer that the next call overwrites.
        """
        outputs = self._tape
        num_members, (num_rows, batch, _) = params.shape[0], outputs[-1].shape
        stride = num_rows // num_members
        layers = self._cached_layers("params", self._rows(params, num_rows))
        grad_rows = self._buffer("grad_rows", 1, num_rows, self.row_params)[0]
        grads = self._cached_layers("grads", grad_rows)
        grad = self._buffer("grad_heads", num_rows, batch, self.head_width).zero_()
        grad[0::stride, :, : self.num_outputs] = by_location
        if self.critic:
            grad[1::2, :, 0] = by_values
        for index in reversed(range(len(layers))):
            below = outputs[index]
            by_weight = self._buffer(f"by_weight{index}", num_rows, *self.shapes[index])
            grads[index][0].copy_(torch.bmm(below.transpose(1, 2), grad, out=by_weight))
            torch.sum(grad, 1, keepdim=True, out=grads[index][1])
            if index:
                by_below = self._buffer(f"by_output{index}", *below.shape)
                torch.bmm(grad, layers[index][0].transpose(1, 2), out=by_below)
                grad = self.activation.backward_(by_below, below)
        if by_log_std is not None:
            grad_rows[:, self.layer_params :] = 0
            grad_rows[0::stride, self.layer_params :] = by_log_std
        return grad_rows.view(num_members, -1)[:, : self.num_params]

    def act(self, params: Tensor, obs: Tensor) -> PolicyOutput:  # [M, P], [M, B, O]
        """Policy outputs alone, in a buffer that the next call of this shape overwrites."""
        return self.actor(params)(obs)

    def actor(self, params: Tensor) -> Callable[[Tensor], PolicyOutput]:  # [M, P]
        """:meth:`act` for many observations in turn, with ``params`` that stay where they are."""
        num_members = params.shape[0]
        rows = params.view(num_members, -1, self.row_params)[:, 0]
        num_rows = self._least_rows(num_members)
        layers, log_std = self._layers(rows.expand(num_rows, -1)), self._log_std(params)

        def act(obs: Tensor) -> PolicyOutput:
            outputs = self._run(layers, obs.expand(num_rows, -1, -1), bulk=False)
            return PolicyOutput(outputs[-1][:num_members, :, : self.num_outputs], log_std)

        return act

    def mean_std(self, params: Tensor) -> Tensor:  # [M]
        """Mean standard deviation of Gaussian actions; NaN for others."""
        if not self.has_log_std:
            return torch.full((params.shape[0],), torch.nan)
        return torch.stack([row[self.layer_params : self.row_params].exp().mean() for row in params])

    def by_row(self, actor: Tensor, critic: Tensor) -> Tensor:  # [M], [M] -> [M, R]
        """One number for each of a member's R networks, whose parameters are ``[M, P / R]`` each."""
        return torch.stack((actor, critic) if self.critic else (actor,), 1)

    def named_parameters(self, params: Tensor) -> dict[str, Tensor]:
        """One member's parameters ``[P]`` by name, without the padding: what a policy file holds."""
        named: dict[str, Tensor] = {}
        for net, row, width in self._nets(params):
            for index, (weight, bias) in enumerate(self._layers(row[None])):
                n_out = width if index == len(self.shapes) - 1 else weight.shape[2]
                named[f"{net}.{index}.weight"] = weight[0, :, :n_out]
                named[f"{net}.{index}.bias"] = bias[0, 0, :n_out]
        if self.has_log_std:
            named["log_std"] = params[self.layer_params : self.row_params]
        return named

    def empty_member(self) -> Tensor:  # [P]
        """Parameters of zeros, to be filled through :meth:`named_parameters`."""
        return torch.zeros(self.num_params)

    def _nets(self, params: Tensor) -> list[tuple[str, Tensor, int]]:
        """Name, row of parameters and width of the head of each of a member's networks."""
        rows = params.view(-1, self.row_params)
        heads = (("actor", self.num_outputs), ("critic", 1))
        return [(name, row, width) for row, (name, width) in zip(rows, heads, strict=False)]

    def _init_member(self, rng: np.random.Generator, log_std_init: float) -> np.ndarray:
        member = self.empty_member()
        for net, row, width in self._nets(member):
            for index, (weight, _) in enumerate(self._layers(row[None])):
                last = index == len(self.shapes) - 1
                head_gain = POLICY_HEAD_GAIN if net == "actor" else VALUE_HEAD_GAIN
                gain = head_gain if last else self.activation.gain
                n_out = width if last else weight.shape[2]
                weight[0, :, :n_out] = torch.from_numpy(orthogonal(rng, weight.shape[1], n_out, gain))
        if self.has_log_std:
            member[self.layer_params : self.row_params] = log_std_init
        return member.numpy()

    def _log_std(self, params: Tensor) -> Tensor | None:
        return params[:, self.layer_params : self.row_params] if self.has_log_std else None

    def _least_rows(self, num_rows: int) -> int:
        """How many rows to compute: a single one twice, where a matrix alone would get other bits.

        That is where it is cut into pieces for the threads, and where it has a single column.
        """
        return 2 if num_rows == 1 and (torch.get_num_threads() > 1 or 1 in self.hidden_sizes) else num_rows

    def _rows(self, params: Tensor, num_rows: int | None = None) -> Tensor:
        """The parameters as rows, one per network."""
        rows = params.view(-1, self.row_params)
        return rows.expand(num_rows or self._least_rows(len(rows)), -1)

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
        """Memory ``[R, ...]``, in which the part of every row begins at a multiple of 16 bytes.

        Where a matrix begins decides how its product is rounded: a member's bits would depend on its row.
        """
        key = (name, *shape)
        if key not in self._buffers:
            size = math.prod(shape[1:])
            memory = torch.empty(shape[0], size + -size % 4)
            self._buffers[key] = memory[:, :size].view(shape)
        return self._buffers[key]

    def _run(self, layers: Layers, inputs: Tensor, *, bulk: bool) -> list[Tensor]:
        """Inputs ``[R, B, O]`` and the outputs of every layer; ``bulk`` says how activations are computed."""
        outputs = [inputs]
        last = len(layers) - 1
        activate_ = self.activation.bulk_ if bulk else self.activation.apply_
        for index, (weight, bias) in enumerate(layers):
            out = self._buffer(f"out{index}", weight.shape[0], inputs.shape[1], weight.shape[2])
            scale = self.activation.bulk_scale if bulk and index < last else 1
            torch.baddbmm(bias, outputs[-1], weight, beta=scale, alpha=scale, out=out)
            if index < last:
                activate_(out)
            outputs.append(out)
        return outputs
