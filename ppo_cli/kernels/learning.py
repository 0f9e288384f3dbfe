"""Updates and gradients of a population, member by member: ``c/update.c`` and ``c/network.c``."""

from __future__ import annotations

import ctypes
from ctypes import byref
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppo_cli.kernels import structs
from ppo_cli.kernels.arrays import Rows, address, for_ranges, pair, scratch
from ppo_cli.kernels.structs import METRICS, Network


@dataclass(frozen=True)
class BatchArrays:
    """The rollouts of a population, flattened to B transitions; float32 but for discrete actions.

    Attributes:
        obs: ``[M, B, O]``.
        actions: ``[M, B]`` int64 or ``[M, B, A]``.
        log_probs: At collection, ``[M, B]``.
        values: At collection, ``[M, B]``.
        advantages: ``[M, B]``.
        returns: Targets of the critic, ``[M, B]``.
        weights: How much a transition counts, ``[M, B]``.
        old_head: What the policy said at collection, ``[M, B, K]``; None where no loss asks.
        old_log_std: The same of a Gaussian's log standard deviation, ``[M, A]``.
        ref_log_probs: Of the reference policy, ``[M, B]``, or None.
    """

    obs: np.ndarray
    actions: np.ndarray
    log_probs: np.ndarray
    values: np.ndarray
    advantages: np.ndarray
    returns: np.ndarray
    weights: np.ndarray
    old_head: np.ndarray | None = None
    old_log_std: np.ndarray | None = None
    ref_log_probs: np.ndarray | None = None


@dataclass(frozen=True)
class TrainableArrays:
    """Parameters of a population and Adam's memory, changed in place.

    Attributes:
        params: ``[M, P]``.
        exp_avg: ``[M, P]``.
        exp_avg_sq: ``[M, P]``.
        adam_step: ``[M]`` float64.
    """

    params: np.ndarray
    exp_avg: np.ndarray
    exp_avg_sq: np.ndarray
    adam_step: np.ndarray


def _batches(batch: BatchArrays) -> Any:
    """Where the members' rollouts lie."""
    whole = batch.actions.dtype == np.int64
    return pair(structs.Batch, vars(batch), {"actions": np.int64} if whole else None, size=batch.obs.shape[1])


def _trainables(trainable: TrainableArrays) -> Any:
    """Where the members' parameters lie."""
    return pair(structs.Trainable, vars(trainable), {"adam_step": np.float64})


def update(
    lib: ctypes.CDLL,
    network: Network,
    losses: np.ndarray,  # [M] of structs.Loss
    steps: np.ndarray,  # [M] of structs.Step
    batch: BatchArrays,
    trainable: TrainableArrays,
    order: np.ndarray,  # [M, E, B] int64
    num_minibatches: int,
    num_threads: int = 1,
) -> np.ndarray:  # [M, E K, len(METRICS)]
    """Improve a population in place; what was measured of each minibatch.

    Args:
        lib: See :func:`~ppo_cli.kernels.signatures.declare`.
        network: The shape of the members' networks.
        losses: What each member minimises.
        steps: How each takes its steps.
        batch: Their rollouts.
        trainable: Their parameters.
        order: An order of the B transitions for each epoch.
        num_minibatches: Equal parts of an epoch: K.
        num_threads: Members at work at once.

    Raises:
        ValueError: An array is another type, or its rows are not contiguous.
    """
    order = np.ascontiguousarray(order)
    num_members, num_epochs, size = order.shape
    metrics = np.zeros((num_members, num_epochs * num_minibatches, len(METRICS)), np.float32)
    batches, trainables = _batches(batch), _trainables(trainable)
    orders, out = Rows(order, np.int64), Rows(metrics)
    needed = lib.update_scratch(byref(network), size // max(num_minibatches, 1))

    def work(first: int, count: int) -> None:
        lib.update(
            byref(network), first, count, address(losses), address(steps), batches, trainables, orders.at(0),
            num_epochs, num_minibatches, out.at(0), scratch(needed),
        )  # fmt: skip

    for_ranges(num_members, work, num_threads)
    return metrics


def explained_variance(lib: ctypes.CDLL, batch: BatchArrays) -> np.ndarray:  # [M]
    """1 - Var(returns - values) / Var(returns) over the transitions that count; else NaN."""
    explained = np.empty(len(batch.returns), np.float32)
    lib.explained_variance(len(explained), _batches(batch), address(explained))
    return explained


def mean_metrics(
    lib: ctypes.CDLL,
    metrics: np.ndarray,  # [M, K, len(METRICS)]
) -> np.ndarray:  # [M, len(METRICS)]
    """Means over the minibatches that counted, NaN if none did; of ``active`` and ``counted`` the numbers."""
    num_members, num_parts, _ = metrics.shape
    means = np.empty((num_members, len(METRICS)), np.float32)
    lib.mean_metrics(num_members, num_parts, Rows(metrics).at(0), address(means))
    return means


def loss_gradient(
    lib: ctypes.CDLL,
    network: Network,
    losses: np.ndarray,  # [M] of structs.Loss
    batch: BatchArrays,
    params: np.ndarray,  # [M, P]
    order: np.ndarray,  # [M, B'] int64, the transitions of one minibatch
) -> tuple[np.ndarray, np.ndarray]:  # [M, P], [M, len(METRICS)]
    """The gradient of the total loss on one minibatch, and what was measured of it."""
    order = np.ascontiguousarray(order)
    num_members, size = order.shape
    grads = np.empty((num_members, network.num_params), np.float32)
    metrics = np.empty((num_members, len(METRICS)), np.float32)
    p = Rows(params)
    lib.loss_gradient(
        byref(network), num_members, address(losses), _batches(batch), p.at(0), p.stride, address(order),
        size, address(grads), address(metrics), scratch(lib.update_scratch(byref(network), size)),
    )  # fmt: skip
    return grads, metrics


class Tape:
    """What :func:`forward` keeps for :func:`backward`: memory for ``num_members`` batches of a size."""

    def __init__(self, lib: ctypes.CDLL, network: Network, num_members: int, size: int) -> None:
        self.memory = np.empty((num_members, lib.forward_tape(byref(network), size)), np.uint8)


def forward(
    lib: ctypes.CDLL,
    network: Network,
    params: np.ndarray,  # [M, P]
    obs: np.ndarray,  # [M, B, O]
    tape: Tape,
    num_threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:  # [M, B, K], [M, B]
    """What the policies say and the values, zeros without a critic."""
    num_members, size, _ = obs.shape
    heads = np.empty((num_members, size, network.num_outputs), np.float32)
    values = np.zeros((num_members, size), np.float32)
    p, o, h, v, t = Rows(params), Rows(obs), Rows(heads), Rows(values), Rows(tape.memory, np.uint8)

    def work(first: int, count: int) -> None:
        for m in range(first, first + count):
            lib.forward(byref(network), p.at(m), o.at(m), size, h.at(m), v.at(m), t.at(m))

    for_ranges(num_members, work, num_threads)
    return heads, values


def backward(
    lib: ctypes.CDLL,
    network: Network,
    params: np.ndarray,  # [M, P], those of the last forward
    grad_heads: np.ndarray,  # [M, B, K]
    grad_log_std: np.ndarray | None,  # [M, A]
    grad_values: np.ndarray,  # [M, B], ignored without a critic
    tape: Tape,
    num_threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:  # [M, P], [M]
    """The gradient of the parameters and its norm, from the gradients of what :func:`forward` returned."""
    num_members, size, _ = grad_heads.shape
    grads = np.empty((num_members, network.num_params), np.float32)
    p, h, s, v = Rows(params), Rows(grad_heads), Rows(grad_log_std), Rows(grad_values)
    g, t = Rows(grads), Rows(tape.memory, np.uint8)
    needed = lib.backward_scratch(byref(network))

    norms = np.empty(num_members, np.float32)

    def work(first: int, count: int) -> None:
        for m in range(first, first + count):
            norms[m] = lib.backward(
                byref(network), p.at(m), size, h.at(m), s.at(m), v.at(m), g.at(m), t.at(m), scratch(needed)
            )

    for_ranges(num_members, work, num_threads)
    return grads, norms


def take_step(
    lib: ctypes.CDLL,
    network: Network,
    steps: np.ndarray,  # [M] of structs.Step
    trainable: TrainableArrays,
    grads: np.ndarray,  # [M, P]
    norms: np.ndarray,  # [M]
    active: np.ndarray,  # [M] bool
) -> None:
    """One step of Adam, in place, of the active members, their gradients clipped."""
    chosen = np.ascontiguousarray(active, np.bool_)
    lib.take_step(
        byref(network), len(chosen), address(steps), _trainables(trainable), Rows(grads).at(0),
        Rows(norms).at(0), address(chosen),
    )  # fmt: skip
