"""Updates and gradients of a population, member by member: ``c/update.c`` and ``c/network.c``."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import byref
from dataclasses import dataclass

import numpy as np

from ppo_cli.kernels import structs
from ppo_cli.kernels.arrays import Rows, address, for_members, scratch
from ppo_cli.kernels.structs import METRICS, Loss, Network, Step


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


class _Batches:
    """The struct of each member's rollout."""

    def __init__(self, batch: BatchArrays) -> None:
        self.size = batch.obs.shape[1]
        kinds = {"actions": batch.actions.dtype if batch.actions.dtype == np.int64 else np.float32}
        self.rows = {name: Rows(values, kinds.get(name, np.float32)) for name, values in vars(batch).items()}

    def at(self, member: int) -> structs.Batch:
        return structs.Batch(self.size, *(rows.at(member) for rows in self.rows.values()))


class _Trainables:
    """The struct of each member's parameters."""

    def __init__(self, trainable: TrainableArrays) -> None:
        kinds = {"adam_step": np.float64}
        self.rows = [Rows(values, kinds.get(name, np.float32)) for name, values in vars(trainable).items()]

    def at(self, member: int) -> structs.Trainable:
        return structs.Trainable(*(rows.at(member) for rows in self.rows))


def update(
    lib: ctypes.CDLL,
    network: Network,
    losses: Sequence[Loss],
    steps: Sequence[Step],
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
    batches, trainables = _Batches(batch), _Trainables(trainable)
    orders, out = Rows(order, np.int64), Rows(metrics)
    needed = lib.update_scratch(byref(network), size // max(num_minibatches, 1))

    def work(m: int) -> None:
        lib.update(
            byref(network), byref(losses[m]), byref(steps[m]), byref(batches.at(m)), byref(trainables.at(m)),
            orders.at(m), num_epochs, num_minibatches, out.at(m), scratch(needed),
        )  # fmt: skip

    for_members(num_members, work, num_threads)
    return metrics


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
    losses: Sequence[Loss],
    batch: BatchArrays,
    params: np.ndarray,  # [M, P]
    order: np.ndarray,  # [M, B'] int64, the transitions of one minibatch
) -> tuple[np.ndarray, np.ndarray]:  # [M, P], [M, len(METRICS)]
    """The gradient of the total loss on one minibatch, and what was measured of it."""
    order = np.ascontiguousarray(order)
    num_members, size = order.shape
    grads = np.empty((num_members, network.num_params), np.float32)
    metrics = np.empty((num_members, len(METRICS)), np.float32)
    batches, parameters, orders = _Batches(batch), Rows(params), Rows(order, np.int64)
    needed = lib.update_scratch(byref(network), size)
    for m in range(num_members):
        lib.loss_gradient(
            byref(network), byref(losses[m]), byref(batches.at(m)), parameters.at(m), orders.at(m), size,
            Rows(grads).at(m), Rows(metrics).at(m), scratch(needed),
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

    def work(m: int) -> None:
        lib.forward(byref(network), p.at(m), o.at(m), size, h.at(m), v.at(m), t.at(m))

    for_members(num_members, work, num_threads)
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

    def work(m: int) -> float:
        return float(
            lib.backward(
                byref(network), p.at(m), size, h.at(m), s.at(m), v.at(m), g.at(m), t.at(m), scratch(needed)
            )
        )

    return grads, np.array(for_members(num_members, work, num_threads), np.float32)


def take_step(
    lib: ctypes.CDLL,
    network: Network,
    steps: Sequence[Step],
    trainable: TrainableArrays,
    grads: np.ndarray,  # [M, P]
    norms: np.ndarray,  # [M]
    active: np.ndarray,  # [M] bool
) -> None:
    """One step of Adam, in place, of the active members, their gradients clipped."""
    trainables, g = _Trainables(trainable), Rows(grads)
    for m in np.flatnonzero(active).tolist():
        lib.take_step(byref(network), byref(steps[m]), byref(trainables.at(m)), g.at(m), float(norms[m]))
