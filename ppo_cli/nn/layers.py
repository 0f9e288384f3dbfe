"""Activations with their derivatives over preallocated buffers, and the orthogonal initialisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Activation:
    """An activation function that works in place.

    Attributes:
        apply_: Replaces pre-activations by activations.
        backward_: ``(grad, output) -> grad``, replaces the gradient of the output by that of the input.
        gain: Gain of the orthogonal initialisation of hidden layers.
    """

    apply_: Callable[[Tensor], Tensor]
    backward_: Callable[[Tensor, Tensor], Tensor]
    gain: float


def _relu_backward_(grad: Tensor, output: Tensor) -> Tensor:
    return torch.ops.aten.threshold_backward.grad_input(grad, output, 0, grad_input=grad)  # type: ignore[no-any-return]


def _tanh_(values: Tensor) -> Tensor:
    """Hyperbolic tangent as 1 - 2 / (exp(2x) + 1): within 2e-7, and twice as fast as ``torch.tanh``.

    (``torch.sigmoid`` would be faster still, but it rounds the last few elements of a tensor otherwise than the
    others, so a member's bits would depend on its place.)
    """
    return values.mul_(2).exp_().add_(1).reciprocal_().mul_(-2).add_(1)


def _tanh_backward_(grad: Tensor, output: Tensor) -> Tensor:
    return torch.ops.aten.tanh_backward.grad_input(grad, output, grad_input=grad)  # type: ignore[no-any-return]


ACTIVATIONS = {
    "relu": Activation(torch.relu_, _relu_backward_, math.sqrt(2)),
    "tanh": Activation(_tanh_, _tanh_backward_, math.sqrt(2)),
}


def orthogonal(rng: np.random.Generator, n_in: int, n_out: int, gain: float) -> np.ndarray:
    """A random ``[n_in, n_out]`` matrix, orthogonal rows or columns times ``gain`` (Saxe et al. 2014)."""
    tall = rng.standard_normal((max(n_in, n_out), min(n_in, n_out)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))
    return (gain * (q if n_in >= n_out else q.T)).astype(np.float32)
