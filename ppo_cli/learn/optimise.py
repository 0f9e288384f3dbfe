"""The optimisation loop: for each minibatch a gradient, clipping and a step of Adam; then the metrics.

Everything that learns here goes through it: its parameters are a :class:`Trainable`, its loss is an
:class:`Objective`. Members are rows: each has a gradient, a norm and an end of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from ppo_cli.learn.minibatches import unbind
from ppo_cli.nn.optim import adam_step_, clip_grad_norm_, grad_norm
from ppo_cli.nn.rows import Rows

BatchT = TypeVar("BatchT")  # a dataclass of tensors, whatever is learned from
BatchT_contra = TypeVar("BatchT_contra", contravariant=True)


@dataclass
class Trainable(Rows):
    """Parameters under training, with Adam's memory of their gradients.

    Attributes:
        params: ``[M, P]`` float32.
        exp_avg: Adam's first moment, ``[M, P]``.
        exp_avg_sq: Adam's second moment, ``[M, P]``.
        adam_step: Adam's step counts, ``[M]`` float64.
    """

    params: Tensor
    exp_avg: Tensor
    exp_avg_sq: Tensor
    adam_step: Tensor

    @classmethod
    def fresh(cls, params: Tensor) -> Trainable:
        """Begin with parameters, ``[M, P]``, that have taken no step."""
        count = torch.zeros(len(params), dtype=torch.float64)
        return cls(params, torch.zeros_like(params), torch.zeros_like(params), count)

    def step_(self, grads: Tensor, rates: Tensor, active: Tensor, decay: Tensor | None = None) -> None:
        """Take one step of Adam for the active members, in place.

        Args:
            grads: ``[M, P]``, overwritten.
            rates: Learning rates, ``[M, R]`` float64: one for each of R equal parts of a member's parameters.
            active: ``[M]`` bool.
            decay: Weight decay of each parameter, ``[P]``: it shrinks by that times the member's (first) rate
                before Adam's step (Loshchilov and Hutter 2019, AdamW). None for none.
        """
        if decay is not None:
            shrink = 1 - rates[:, :1].float() * decay
            self.params.mul_(shrink.where(active[:, None], 1.0))
        if active.all():
            adam_step_(self.params, grads, self.exp_avg, self.exp_avg_sq, self.adam_step, rates)
            return
        rows = active.nonzero().squeeze(1)
        kept = self.keep(rows)
        adam_step_(kept.params, grads[rows], kept.exp_avg, kept.exp_avg_sq, kept.adam_step, rates[rows])
        for name, values in kept.tensors().items():
            getattr(self, name)[rows] = values


class Gradient(NamedTuple):
    """The gradient on one minibatch, and what goes with it.

    Attributes:
        grads: Gradient of the loss, ``[M, P]``; the next call may overwrite it.
        nonempty: False for a member that the minibatch holds nothing to learn from, ``[M]`` bool.
        aux: What the objective's metrics are computed from, ``[M, ...]`` each.
        goes_on: False for the members that should take no further step, ``[M]`` bool; None when all should.
    """

    grads: Tensor
    nonempty: Tensor
    aux: tuple[Tensor, ...]
    goes_on: Tensor | None = None


class Objective(Protocol[BatchT_contra]):
    """A loss to minimise, on minibatches of one kind."""

    def gradient(self, params: Tensor, minibatch: BatchT_contra) -> Gradient:  # [M, P], [M, B, ...]
        """Compute the gradient of the loss on one minibatch."""

    def metrics(self, aux: Sequence[Tensor], batch: BatchT_contra) -> dict[str, Tensor]:
        """Compute the metrics of the K minibatches of an epoch, by metric name, ``[K, M]`` each.

        Args:
            aux: The ``aux`` of each :meth:`gradient`, stacked, ``[K, M, ...]`` each.
            batch: The epoch's minibatches, ``[K, M, B, ...]``.
        """


@dataclass(frozen=True)
class Outcome:
    """The result of an optimisation.

    Attributes:
        metrics: Means over the minibatches that a member used, by metric name, ``[M]`` each; NaN if none.
        failures: What became non-finite and where, by member.
    """

    metrics: dict[str, Tensor]
    failures: dict[int, str]


def optimise(
    trainable: Trainable,
    objective: Objective[BatchT],
    epochs: Iterable[BatchT],  # [K, M, B, ...] each
    rates: Tensor,  # [M, R]
    max_grad_norm: Tensor,  # [M]
    decay: Tensor | None = None,  # [P]
) -> Outcome:
    """Improve ``trainable`` in place, a step for each minibatch.

    A member that the objective stops, or whose gradient is not finite, takes no further step. One with
    nothing to learn from in a minibatch skips that step. The other members do not notice.
    """
    history = _History()
    active = torch.ones(len(rates), dtype=torch.bool)
    for epoch in epochs:
        aux = []
        for minibatch in unbind(epoch):
            gradient = objective.gradient(trainable.params, minibatch)
            norms = grad_norm(gradient.grads)
            history.add(norms, active, active & gradient.nonempty)
            active = active & torch.isfinite(norms)
            if gradient.goes_on is not None:
                active &= gradient.goes_on
            clip_grad_norm_(gradient.grads, norms, max_grad_norm)
            trainable.step_(gradient.grads, rates, active & gradient.nonempty, decay)
            aux.append(gradient.aux)
        stacked = [torch.stack(tensors) for tensors in zip(*aux, strict=True)]
        history.add_metrics(objective.metrics(stacked, epoch), len(aux))
        if not active.any():
            break
    return history.outcome()


class _History:
    """Metrics of every minibatch, and which members took part in it."""

    def __init__(self) -> None:
        self.num_minibatches = 1
        self.metrics: dict[str, list[Tensor]] = {}
        self.norms: list[Tensor] = []
        self.active: list[Tensor] = []
        self.counted: list[Tensor] = []

    def add(self, norms: Tensor, active: Tensor, counted: Tensor) -> None:
        self.norms.append(norms)
        self.active.append(active)
        self.counted.append(counted)

    def add_metrics(self, metrics: dict[str, Tensor], num_minibatches: int) -> None:
        self.num_minibatches = num_minibatches
        for name, values in metrics.items():
            self.metrics.setdefault(name, []).append(values)

    def outcome(self) -> Outcome:
        stacked = {name: torch.cat(values).T for name, values in self.metrics.items()}  # [M, K] each
        stacked["train/grad_norm"] = torch.stack(self.norms, 1)
        counted = torch.stack(self.counted, 1)  # [M, K]
        used = counted.sum(1)
        # A running sum: the order of `sum` depends on M and on how long the other members go on.
        metrics = {
            name: values.where(counted, 0.0).cumsum(1)[:, -1] / used for name, values in stacked.items()
        }
        metrics["train/epochs"] = torch.stack(self.active, 1).sum(1) / self.num_minibatches
        return Outcome(metrics, failures(stacked, counted, self.num_minibatches))


def failures(
    measured: dict[str, Tensor],  # [M, K] each, in the order in which the loss is computed
    counted: Tensor,  # [M, K] bool, which minibatches a member used
    num_minibatches: int,  # of an epoch
) -> dict[int, str]:
    """The first non-finite value of each member, by member: what it is, and where it came up."""
    bad = {name: ~torch.isfinite(values) & counted for name, values in measured.items()}
    reasons = {}
    for member in torch.stack(list(bad.values())).any(0).any(1).nonzero().flatten().tolist():
        firsts = {name: int(b[member].nonzero()[0]) for name, b in bad.items() if b[member].any()}
        name, index = min(firsts.items(), key=lambda item: item[1])
        epoch, minibatch = divmod(index, num_minibatches)
        value = float(measured[name][member, index])
        label = name.removeprefix("train/")
        reasons[member] = f"{label} became {value} in epoch {epoch + 1}, minibatch {minibatch + 1}"
    return reasons
