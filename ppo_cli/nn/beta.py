"""The Beta distribution over actions with bounds (Chou, Maturana and Scherer 2017).

Of each action the network says two numbers, from which the shapes of a Beta distribution on [0, 1] follow:

    alpha = 1 + softplus(x)        beta = 1 + softplus(y)
    log p(a) = (alpha - 1) log a + (beta - 1) log(1 - a) - log B

With both above 1 there is one peak. Nothing outside the bounds has any probability, so nothing is cut off.

(``torch.sigmoid`` and ``torch.softplus`` round the last few elements of a tensor otherwise than the others: a
member's bits would depend on its place. Hence the two written out below.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ppo_cli.nn.bounds import Bounds
from ppo_cli.nn.policy_output import PolicyOutput

TRIES = 6  # to draw from a gamma distribution; the last one always succeeds
NOISE = 2 * 2 * TRIES
LEAST_EXCESS = 1e-6  # of a shape over 1: where both are, the peak would be 0 / 0
MARGIN = 1e-6  # that samples keep from 0 and 1, where a logarithm is infinite


class Beta:
    """Independent Beta distributions; ``actions`` are between 0 and 1, what is sent between the bounds.

    ``head [M, B, 2 A]`` holds x and y of the first action, then of the second, and so on.

    Args:
        bounds: Of the actions.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """For each of the two gammas of an action, ``TRIES`` normals and logarithms of uniform numbers.

        One try in 20 fails at worst (shape 1), so all but the last do once in 3 million. The last one is no
        draw but what is always accepted, the gamma's centre.
        """
        normals = rng.standard_normal((*shape, 2, TRIES), dtype=np.float32)
        log_uniforms = -rng.standard_exponential((*shape, 2, TRIES), dtype=np.float32)
        normals[..., -1], log_uniforms[..., -1] = 0, -1
        return np.stack([normals, log_uniforms], axis=-3).reshape(*shape, NOISE)

    def sample(self, policy: PolicyOutput, noise: Tensor) -> Tensor:
        """The action g / (g + h) with g ~ Gamma(alpha) and h ~ Gamma(beta), inside (0, 1)."""
        normals, log_uniforms = noise.view(*noise.shape[:-1], 2, 2, TRIES).unbind(-3)
        gammas = _gamma(_shapes(policy).both, normals, log_uniforms)
        return (gammas[..., 0] / gammas.sum(-1)).clamp_(MARGIN, 1 - MARGIN)

    def mode(self, policy: PolicyOutput) -> Tensor:
        """The peak, (alpha - 1) / (alpha + beta - 2)."""
        excess = _shapes(policy).excess
        return excess[..., 0] / excess.sum(-1)

    def send(self, actions: Tensor) -> Tensor:
        """The actions between the bounds."""
        return self.bounds.scale(actions)

    def log_prob(self, policy: PolicyOutput, actions: Tensor) -> Tensor:
        """Log p(a) for a between 0 and 1, as in the head of this file, summed over the actions."""
        shapes = _shapes(policy)
        return ((shapes.excess * _logs(actions)).sum(-1) - _log_beta(shapes)).sum(-1)

    def log_prob_and_entropy(self, policy: PolicyOutput, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Log p(a) and H = log B - (alpha - 1) E log a - (beta - 1) E log(1 - a), at most 0."""
        shapes = _shapes(policy)
        log_beta = _log_beta(shapes)
        entropy = log_beta - (shapes.excess * _mean_logs(shapes)).sum(-1)
        return ((shapes.excess * _logs(actions)).sum(-1) - log_beta).sum(-1), entropy.sum(-1)

    def backward(
        self, policy: PolicyOutput, actions: Tensor, grad_log_prob: Tensor, grad_entropy: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Differentiate with respect to alpha: log a - E log a of log p(a).

        Of the entropy: (alpha + beta - 2) psi'(alpha + beta) - (alpha - 1) psi'(alpha), with the trigamma
        function psi'.
        """
        shapes = _shapes(policy)
        of_total = shapes.excess.sum(-1) * torch.polygamma(1, shapes.total)
        of_entropy = of_total[..., None] - shapes.excess * torch.polygamma(1, shapes.both)
        of_log_prob = _logs(actions) - _mean_logs(shapes)
        grad_shapes = (
            grad_log_prob[..., None, None] * of_log_prob + grad_entropy[..., None, None] * of_entropy
        )
        return _through_softplus(policy, grad_shapes), None

    def kl(self, old: PolicyOutput, new: PolicyOutput) -> Tensor:
        """Log B_new - log B_old + (alpha_old - alpha_new) E_old log a + the same of beta."""
        before, after = _shapes(old), _shapes(new)
        shifted = ((before.excess - after.excess) * _mean_logs(before)).sum(-1)
        return (_log_beta(after) - _log_beta(before) + shifted).sum(-1)

    def kl_backward(
        self, old: PolicyOutput, new: PolicyOutput, grad_kl: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Differentiate with respect to the new alpha: E_new log a - E_old log a."""
        difference = _mean_logs(_shapes(new)) - _mean_logs(_shapes(old))
        return _through_softplus(new, grad_kl[..., None, None] * difference), None


class _Shapes(NamedTuple):
    """Alpha and beta of each action, on the last axis.

    Attributes:
        excess: What they exceed 1 by, ``[M, B, A, 2]``.
        both: They themselves, ``[M, B, A, 2]``.
        total: Their sum, ``[M, B, A]``.
    """

    excess: Tensor
    both: Tensor
    total: Tensor


def _shapes(policy: PolicyOutput) -> _Shapes:
    outputs = policy.head.reshape(*policy.head.shape[:-1], -1, 2)
    excess = outputs.abs().neg_().exp_().log1p().add_(outputs.relu()).add_(LEAST_EXCESS)
    return _Shapes(excess, 1 + excess, 2 + excess.sum(-1))


def _through_softplus(policy: PolicyOutput, grad_shapes: Tensor) -> Tensor:  # [M, B, A, 2] -> [M, B, 2 A]
    """Through softplus, whose derivative is 1 / (1 + exp(-x))."""
    return grad_shapes.flatten(-2) * policy.head.neg().exp_().add_(1).reciprocal_()


def _logs(actions: Tensor) -> Tensor:  # [M, B, A] -> [M, B, A, 2]
    """Log a and log(1 - a)."""
    return torch.stack([actions.log(), actions.neg().log1p_()], -1)


def _mean_logs(shapes: _Shapes) -> Tensor:  # [M, B, A, 2]
    """E log a = psi(alpha) - psi(alpha + beta) and E log(1 - a), with the digamma function psi."""
    return shapes.both.digamma() - shapes.total.digamma()[..., None]


def _log_beta(shapes: _Shapes) -> Tensor:  # [M, B, A]
    """Log B = log Gamma(alpha) + log Gamma(beta) - log Gamma(alpha + beta).

    In double precision: of sharp distributions the three are large and almost cancel.
    """
    both = shapes.both.double()
    return (both.lgamma().sum(-1) - both.sum(-1).lgamma()).float()


def _gamma(shape: Tensor, normals: Tensor, log_uniforms: Tensor) -> Tensor:  # [..., 2], [..., 2, TRIES] twice
    """Samples of Gamma(shape, 1) for shapes from 1, by rejection (Marsaglia and Tsang 2000).

        d = shape - 1/3,  v = (1 + z / sqrt(9 d))^3:  d v, if log u < z^2 / 2 + d - d v + d log v

    A v below 0 has no logarithm, and NaN compares as not smaller.
    """
    d = (shape - 1 / 3)[..., None]
    root = 1 + normals / (9 * d).sqrt_()
    v = root * root * root
    accepted = log_uniforms < 0.5 * normals * normals + d * (1 - v + 3 * root.log_())
    first = accepted.to(torch.uint8).argmax(-1, keepdim=True)
    return (d * v.gather(-1, first)).squeeze(-1)
