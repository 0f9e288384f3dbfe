"""The structs of ``c/kernels.h``, field by field, and what their numbers mean."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import numpy as np

MAX_HIDDEN = 8
DISTRIBUTIONS = ("categorical", "gaussian", "beta")
ACTIVATIONS = ("relu", "tanh")
GAINS = ("policy-gradient", "surrogate", "clipped", "parabola")
METRICS = (
    "policy_loss", "clip_fraction", "kl", "kl_reference", "value_loss", "entropy", "approx_kl", "grad_norm",
    "active", "counted",
)  # fmt: skip


class Network(ctypes.Structure):
    """The shape of one member's networks; see :func:`network`."""

    _fields_ = (
        ("obs_size", ctypes.c_int32),
        ("num_actions", ctypes.c_int32),
        ("num_outputs", ctypes.c_int32),
        ("head_width", ctypes.c_int32),
        ("distribution", ctypes.c_int32),
        ("activation", ctypes.c_int32),
        ("rows", ctypes.c_int32),
        ("num_hidden", ctypes.c_int32),
        ("hidden", ctypes.c_int32 * MAX_HIDDEN),
        ("row_params", ctypes.c_int32),
    )

    @property
    def num_params(self) -> int:
        """Parameters of one member: P."""
        return int(self.rows * self.row_params)


class Loss(ctypes.Structure):
    """The loss of one member: terms and their weights; see :func:`loss`."""

    _fields_ = (
        ("gain", ctypes.c_int32),
        ("normalize_advantages", ctypes.c_int32),
        ("eps_low", ctypes.c_float),
        ("eps_high", ctypes.c_float),
        ("kl_coef", ctypes.c_float),
        ("reference_coef", ctypes.c_float),
        ("vf_coef", ctypes.c_float),
        ("ent_coef", ctypes.c_float),
        ("eps_clip_vf", ctypes.c_float),
        ("kl_limit", ctypes.c_float),
    )


class Step(ctypes.Structure):
    """Learning rates of one member's actor and critic, and the largest norm of its gradient."""

    _fields_ = (("rates", ctypes.c_double * 2), ("max_grad_norm", ctypes.c_float))


class Batch(ctypes.Structure):
    """Where the rollout of one member lies."""

    _fields_ = (
        ("size", ctypes.c_int64),
        ("obs", ctypes.c_void_p),
        ("actions", ctypes.c_void_p),
        ("log_probs", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("advantages", ctypes.c_void_p),
        ("returns", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("old_head", ctypes.c_void_p),
        ("old_log_std", ctypes.c_void_p),
        ("ref_log_probs", ctypes.c_void_p),
    )


class Trainable(ctypes.Structure):
    """Where the parameters of one member lie, and Adam's memory."""

    _fields_ = (
        ("params", ctypes.c_void_p),
        ("exp_avg", ctypes.c_void_p),
        ("exp_avg_sq", ctypes.c_void_p),
        ("adam_step", ctypes.c_void_p),
    )


class Judgement(ctypes.Structure):
    """Where to write what is said of a rollout; None leaves it out."""

    _fields_ = (
        ("heads", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("log_probs", ctypes.c_void_p),
        ("entropies", ctypes.c_void_p),
        ("kls", ctypes.c_void_p),
    )


def network(
    *,
    obs_size: int,
    num_actions: int,
    num_outputs: int,
    hidden_sizes: Sequence[int],
    head_width: int,
    row_params: int,
    distribution: str,
    activation: str,
    critic: bool,
) -> Network:
    """A shape for the kernels.

    Args:
        obs_size: O.
        num_actions: Number of choices or length of an action: A.
        num_outputs: What the policy says of one observation: K numbers.
        hidden_sizes: Width of each hidden layer, at most ``MAX_HIDDEN`` of them.
        head_width: Columns of the last layer.
        row_params: Parameters of one of a member's networks, P / R.
        distribution: One of ``DISTRIBUTIONS``.
        activation: One of ``ACTIVATIONS``.
        critic: Whether a member has a second network.

    Raises:
        ValueError: There are more hidden layers, or another distribution or activation.
    """
    if len(hidden_sizes) > MAX_HIDDEN:
        raise ValueError(f"the kernels know {MAX_HIDDEN} hidden layers at most, got {len(hidden_sizes)}")
    return Network(
        obs_size,
        num_actions,
        num_outputs,
        head_width,
        DISTRIBUTIONS.index(distribution),
        ACTIVATIONS.index(activation),
        2 if critic else 1,
        len(hidden_sizes),
        (ctypes.c_int32 * MAX_HIDDEN)(*hidden_sizes),
        row_params,
    )


def loss(
    gain: str,
    *,
    normalize_advantages: bool = False,
    eps_low: float = math.inf,
    eps_high: float = math.inf,
    kl_coef: float = 0.0,
    reference_coef: float = 0.0,
    vf_coef: float = 0.0,
    ent_coef: float = 0.0,
    eps_clip_vf: float = math.inf,
    kl_limit: float = math.inf,
) -> Loss:
    """A loss for the kernels, whose terms ``c/kernels.h`` and ``c/loss.h`` say.

    Raises:
        ValueError: ``gain`` is none of ``GAINS``.
    """
    return Loss(
        GAINS.index(gain), int(normalize_advantages), eps_low, eps_high, kl_coef, reference_coef,
        vf_coef, ent_coef, eps_clip_vf, kl_limit,
    )  # fmt: skip


def numbers(kind: type[ctypes.Structure], count: int, same: ctypes.Structure | None = None) -> np.ndarray:
    """A struct of numbers for each of M members, to be filled field by field.

    Args:
        kind: ``Loss`` or ``Step``.
        count: M.
        same: What all of them begin as; None for zeros.
    """
    begun = bytes(ctypes.sizeof(kind)) if same is None else bytes(same)
    return np.frombuffer(bytearray(begun * count), np.dtype(kind))
