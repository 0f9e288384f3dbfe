"""Adam and gradient clipping for a population: a row of ``[M, P]`` per member, nothing shared."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

BETA1, BETA2, EPS = 0.9, 0.999, 1e-5


def grad_norm(grads: Tensor) -> Tensor:  # [M, P] -> [M]
    """Euclidean norm of each member's gradient."""
    norms: Tensor = torch.linalg.vector_norm(grads, dim=1)
    return norms


def clip_grad_norm_(
    grads: Tensor,  # [M, P]
    norms: Tensor,  # [M]
    max_norm: Tensor,  # [M]
) -> Tensor:
    """Scale each member's gradient, in place, to a norm of at most ``max_norm``; returns it."""
    return grads.mul_((max_norm / (norms + 1e-6)).clamp_(max=1.0)[:, None])


def adam_step_(
    params: Tensor,  # [M, P]
    grads: Tensor,  # [M, P]
    exp_avg: Tensor,  # [M, P]
    exp_avg_sq: Tensor,  # [M, P]
    step: Tensor,  # [M] float64, number of steps before this one
    learning_rates: Tensor,  # [M, R] float64, above zero: one for each of the R equal parts of a member's P
) -> None:
    """Take one step of Adam in place, with rates and a step count per member (Kingma and Ba 2015, eps 1e-5).

        m = b1 m + (1 - b1) g        v = b2 v + (1 - b2) g^2
        p = p - lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps)

    Agrees with ``torch.optim.Adam`` to rounding. Overwrites ``grads``: it serves as the buffer of the
    denominator, because fresh memory costs more than the arithmetic.
    """
    step += 1
    t, rates = step.numpy()[:, None], learning_rates.numpy()
    step_size = rates / (1 - BETA1**t)
    root_scale = 1 / (step_size * np.sqrt(1 - BETA2**t))
    exp_avg.lerp_(grads, 1 - BETA1)
    exp_avg_sq.mul_(BETA2).addcmul_(grads, grads, value=1 - BETA2)
    denominator = torch.sqrt(exp_avg_sq, out=grads)
    parts = denominator.view(*rates.shape, params.shape[1] // rates.shape[1])
    parts.mul_(_column(root_scale)).add_(_column(EPS / step_size))
    params.addcdiv_(exp_avg, denominator, value=-1)


def _column(values: np.ndarray) -> Tensor:  # [M, R] -> [M, R, 1] float32
    return torch.from_numpy(values.astype(np.float32))[..., None]
