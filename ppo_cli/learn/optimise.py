"""The one way in which anything learns here: minibatches, a gradient, clipping, Adam, and what came of it.

The agent, and whatever else has parameters, is a :class:`Trainable`; what it minimises is an
:class:`Objective`. Members are rows: each has its own gradient, its own norm and its own end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from ppo_cli.learn.minibatches import parts
from ppo_cli.nn.optim import adam_step_, clip_grad_norm_, grad_norm
from ppo_cli.nn.rows import Rows

Batch = TypeVar("Batch")
BatchContra = TypeVar("BatchContra", contravariant=True)


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
        """Parameters before their first step."""
        count = torch.zeros(len(params), dtype=torch.float64)
        return cls(params, torch.zeros_like(params), torch.zeros_like(params), count)

    def step_(self, grads: Tensor, rates: Tensor, active: Tensor, decay: Tensor | None = None) -> None:
        """An optimiser step of the active members, in place.

        Args:
            grads: ``[M, P]``, overwritten.
            rates: ``[M, R]``, one for each of the R equal parts of a member's parameters.
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
        some = self.keep(rows)
        adam_step_(some.params, grads[rows], some.exp_avg, some.exp_avg_sq, some.adam_step, rates[rows])
        for name, values in some.tensors().items():
            getattr(self, name)[rows] = values


class Gradient(NamedTuple):
    """What an objective says of one minibatch.

    Attributes:
        grads: Gradient of the loss, ``[M, P]``; the next call may overwrite it.
        counts: Whether anything in the minibatch counts, ``[M]`` bool.
        seen: Whatever the metrics are made from, ``[M, ...]`` each.
        goes_on: False for the members that should take no further step, ``[M]`` bool; None when all should.
    """

    grads: Tensor
    counts: Tensor
    seen: tuple[Tensor, ...]
    goes_on: Tensor | None = None


class Objective(Protocol[BatchContra]):
    """What is minimised, on minibatches of one kind."""

    def gradient(self, params: Tensor, part: BatchContra) -> Gradient:  # [M, P], [M, B, ...]
        """The gradient on one minibatch."""

    def metrics(self, seen: Sequence[Tensor], batch: BatchContra) -> dict[str, Tensor]:
        """What the K minibatches of an epoch came to, by metric name, ``[K, M]`` each.

        Args:
            seen: What :meth:`gradient` saw, ``[K, M, ...]`` each.
            batch: The epoch's minibatches, ``[K, M, B, ...]``.
        """


@dataclass(frozen=True)
class Outcome:
    """What an optimisation did.

    Attributes:
        metrics: Means over the minibatches that a member used, by metric name, ``[M]`` each; NaN if none.
        failures: What became non-finite and where, by member.
    """

    metrics: dict[str, Tensor]
    failures: dict[int, str]


def optimise(
    trainable: Trainable,
    objective: Objective[Batch],
    epochs: Iterable[Batch],  # [K, M, B, ...] each
    rates: Tensor,  # [M, R]
    max_grad_norm: Tensor,  # [M]
    decay: Tensor | None = None,  # [P]
) -> Outcome:
    """Improve ``trainable`` in place, a step for each minibatch.

    A member that the objective stops, or whose gradient is not finite, takes no further step, and none with a
    minibatch in which nothing of it counts; the others do not notice.
    """
    history = _History()
    active = torch.ones(len(rates), dtype=torch.bool)
    for epoch in epochs:
        seen = []
        for part in parts(epoch):
            gradient = objective.gradient(trainable.params, part)
            norms = grad_norm(gradient.grads)
            history.add(norms, active, active & gradient.counts)
            active = active & torch.isfinite(norms)
            if gradient.goes_on is not None:
                active &= gradient.goes_on
            clip_grad_norm_(gradient.grads, norms, max_grad_norm)
            trainable.step_(gradient.grads, rates, active & gradient.counts, decay)
            seen.append(gradient.seen)
        columns = [torch.stack(column) for column in zip(*seen, strict=True)]
        history.add_metrics(objective.metrics(columns, epoch), len(seen))
        if not active.any():
            break
    return history.outcome()


class _History:
    """Metrics of every minibatch, and who was still learning when it was seen."""

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
        counted = torch.stack(self.counted, 1)  # [M, K]
        used = counted.sum(1)
        stacked = {name: torch.cat(values).T for name, values in self.metrics.items()}  # [M, K] each
        stacked["train/grad_norm"] = torch.stack(self.norms, 1)
        # A running sum: the order of `sum` depends on M and on how long the other members go on.
        metrics = {
            name: values.where(counted, 0.0).cumsum(1)[:, -1] / used for name, values in stacked.items()
        }
        metrics["train/epochs"] = torch.stack(self.active, 1).sum(1) / self.num_minibatches
        return Outcome(metrics, self._failures(stacked, counted))

    def _failures(self, stacked: dict[str, Tensor], counted: Tensor) -> dict[int, str]:
        """The first non-finite value of each member, in the order in which the loss is computed."""
        bad = {name: ~torch.isfinite(values) & counted for name, values in stacked.items()}
        failures = {}
        for member in torch.stack(list(bad.values())).any(0).any(1).nonzero().flatten().tolist():
            firsts = {name: int(b[member].nonzero()[0]) for name, b in bad.items() if b[member].any()}
            name, index = min(firsts.items(), key=lambda item: item[1])
            epoch, minibatch = divmod(index, self.num_minibatches)
            value = float(stacked[name][member, index])
            label = name.removeprefix("train/")
            failures[member] = f"{label} became {value} in epoch {epoch + 1}, minibatch {minibatch + 1}"
        return failures
