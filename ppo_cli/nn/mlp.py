"""Multilayer perceptrons of equal shape as one stack: R rows of parameters, one batched product per layer.

A network is a row of P numbers: for each layer its weights ``[in, out]``, then its biases. Behind these a row
may hold ``extra`` numbers that the owner of the network needs, such as a log standard deviation.

The bits of a row must not depend on R or on its place in the stack. Three things see to it:

* A single row is computed twice where a matrix alone would get other bits (see :meth:`MLP.least_rows`).
* Heads have at least 2 columns: a single one takes another kernel when R is 1.
* All rows of a buffer begin at the same alignment (see :meth:`MLP.buffer`).

Forward and backward are written out over buffers that are allocated once: for networks this small, fresh
memory and autograd's bookkeeping cost more than the arithmetic.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppo_cli.nn.layers import ACTIVATIONS, orthogonal

LEAST_HEAD_WIDTH = 2  # a narrower head is padded with a column that gets no gradient and stays zero

Layers = list[tuple[Tensor, Tensor]]


class MLP:
    """The shape of R equal networks, and batched functions over their parameters ``rows [R, P]``.

    The object holds no parameters. It owns the work buffers, so one object serves one thread.

    Args:
        sizes: Number of inputs, of units of each hidden layer, of outputs.
        activation: ``"relu"`` or ``"tanh"``, after each hidden layer.
        extra: How many numbers a row holds behind its layers.

    Attributes:
        activation_name: See above.
        num_outputs: Outputs asked for.
        head_width: Columns of the head, at least 2.
        shapes: ``(in, out)`` of each layer.
        layer_params: Number of weights and biases.
        row_params: Numbers of a row, extra ones included: P.
    """

    def __init__(self, sizes: Sequence[int], activation: str, extra: int = 0) -> None:
        *widths, self.num_outputs = sizes
        self.hidden_sizes = tuple(widths[1:])
        self.activation_name, self.activation = activation, ACTIVATIONS[activation]
        self.head_width = max(self.num_outputs, LEAST_HEAD_WIDTH)
        self.shapes = tuple(itertools.pairwise((*widths, self.head_width)))
        self.layer_params = sum(n_in * n_out + n_out for n_in, n_out in self.shapes)
        self.row_params = self.layer_params + extra
        self._buffers: dict[tuple[Any, ...], Tensor] = {}
        self._views: dict[str, tuple[Any, Layers]] = {}
        self._tape: list[Tensor] = []  # inputs and outputs of every layer in the last forward

    def init_(self, row: Tensor, rng: np.random.Generator, num_outputs: int, head_gain: float) -> None:
        """Initialise a row of zeros: orthogonal weights, zero biases (Saxe et al. 2014).

        Args:
            row: ``[P]``, changed in place.
            rng: The network's random stream.
            num_outputs: Columns of the head that are used; the others stay zero.
            head_gain: Gain of the head's weights; hidden layers have that of the activation.
        """
        for index, (weight, _) in enumerate(self.layers(row[None])):
            last = index == len(self.shapes) - 1
            gain = head_gain if last else self.activation.gain
            n_out = num_outputs if last else weight.shape[2]
            weight[0, :, :n_out] = torch.from_numpy(orthogonal(rng, weight.shape[1], n_out, gain))

    def forward(self, rows: Tensor, inputs: Tensor) -> Tensor:  # [R, P], [R, B, in] -> [R, B, head_width]
        """Compute every row's outputs on its inputs; the next call of this shape overwrites the result."""
        self._tape = self.run(self._cached_layers("params", rows), inputs, bulk=True)
        return self._tape[-1]

    def backward(
        self,
        rows: Tensor,  # [R, P], those of the last forward
        grad_outputs: Tensor,  # [R, B, head_width], overwritten
    ) -> Tensor:  # [R, P]
        """Compute the gradient of the rows from that of the outputs of the last :meth:`forward`.

        The result is a buffer that the next call overwrites. Where a row holds extra numbers, the owner fills
        in their gradient.
        """
        outputs, num_rows = self._tape, len(rows)
        layers = self._cached_layers("params", rows)
        grad_rows = self.buffer("grad_rows", 1, num_rows, self.row_params)[0]
        grads = self._cached_layers("grads", grad_rows)
        grad = grad_outputs
        for index in reversed(range(len(layers))):
            below = outputs[index]
            grad_weight = self.buffer(f"grad_weight{index}", num_rows, *self.shapes[index])
            grads[index][0].copy_(torch.bmm(below.transpose(1, 2), grad, out=grad_weight))
            torch.sum(grad, 1, keepdim=True, out=grads[index][1])
            if index:
                grad_below = self.buffer(f"grad_output{index}", *below.shape)
                torch.bmm(grad, layers[index][0].transpose(1, 2), out=grad_below)
                grad = self.activation.backward_(grad_below, below)
        return grad_rows

    def run(self, layers: Layers, inputs: Tensor, *, bulk: bool) -> list[Tensor]:
        """Compute the outputs of every layer, ``[R, B, out]`` each, in buffers; the inputs come first.

        Args:
            layers: From :meth:`layers`.
            inputs: ``[R, B, in]``.
            bulk: Compute activations in the way that is faster for the many numbers of learning, rather than
                for the few of acting.
        """
        outputs = [inputs]
        last = len(layers) - 1
        activate_ = self.activation.bulk_ if bulk else self.activation.apply_
        for index, (weight, bias) in enumerate(layers):
            out = self.buffer(f"out{index}", weight.shape[0], inputs.shape[1], weight.shape[2])
            scale = self.activation.bulk_scale if bulk and index < last else 1
            torch.baddbmm(bias, outputs[-1], weight, beta=scale, alpha=scale, out=out)
            if index < last:
                activate_(out)
            outputs.append(out)
        return outputs

    def layers(self, rows: Tensor) -> Layers:
        """Cut rows into weights ``[R, in, out]`` and biases ``[R, 1, out]`` of each layer, as views."""
        layers, start = [], 0
        for n_in, n_out in self.shapes:
            weight = rows[:, start : start + n_in * n_out].view(-1, n_in, n_out)
            start += n_in * n_out
            layers.append((weight, rows[:, None, start : start + n_out]))
            start += n_out
        return layers

    def least_rows(self, num_rows: int) -> int:
        """Say how many rows to compute: 2 for a single one where a matrix alone would get other bits.

        That is so where its product is split over several threads, and where a layer has a single unit.
        """
        return 2 if num_rows == 1 and (torch.get_num_threads() > 1 or 1 in self.hidden_sizes) else num_rows

    def buffer(self, name: str, *shape: int) -> Tensor:
        """Allocate memory ``[R, ...]`` once, in which every row begins at a multiple of 16 bytes.

        Alignment decides how a product is rounded: otherwise a row's bits would depend on its place.
        """
        key = (name, *shape)
        if key not in self._buffers:
            size = math.prod(shape[1:])
            memory = torch.empty(shape[0], size + -size % 4)
            self._buffers[key] = memory[:, :size].view(shape)
        return self._buffers[key]

    def _cached_layers(self, use: str, rows: Tensor) -> Layers:
        """Cut rows into layers, or reuse the views of the last call with the same memory."""
        place = (rows.data_ptr(), rows.shape, rows.stride())
        if use not in self._views or self._views[use][0] != place:
            self._views[use] = (place, self.layers(rows))
        return self._views[use][1]
