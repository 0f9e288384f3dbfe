"""The per-member half of the settings, stacked to one ``[M]`` tensor each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
from torch import Tensor

from ppo_cli.config import RunConfig

KL_STOP_FACTOR = 1.5


@dataclass(frozen=True)
class Hyperparams:
    """Settings that may differ between the members of one population, each ``[M]``.

    An optional setting that is off is infinite here: a limit that nothing reaches.
    """

    learning_rate: Tensor  # float64: Adam's step size is computed in double precision
    anneal_lr: Tensor
    gamma: Tensor
    gae_lambda: Tensor
    eps_clip: Tensor
    anneal_eps_clip: Tensor
    eps_clip_vf: Tensor
    ent_coef: Tensor
    vf_coef: Tensor
    max_grad_norm: Tensor
    target_kl: Tensor
    normalize_advantages: Tensor
    reward_scale: Tensor

    @cached_property
    def value_clip(self) -> Tensor | None:
        """``eps_clip_vf``, or None when no member clips its values."""
        return None if bool(torch.isinf(self.eps_clip_vf).all()) else self.eps_clip_vf

    @cached_property
    def kl_limit(self) -> Tensor | None:
        """How far a policy may move in one update, ``[M]``; None when no member has a limit."""
        return None if bool(torch.isinf(self.target_kl).all()) else KL_STOP_FACTOR * self.target_kl

    @classmethod
    def stack(cls, configs: Sequence[RunConfig]) -> Hyperparams:
        """The hyperparameters of M configs."""
        columns = {
            field.name: torch.tensor([_number(getattr(config.learning, field.name)) for config in configs])
            for field in fields(cls)
            if field.name != "learning_rate"
        }
        rates = torch.tensor([config.learning.learning_rate for config in configs], dtype=torch.float64)
        return cls(learning_rate=rates, **columns)

    def keep(self, members: Tensor) -> Hyperparams:
        """The rows of some members."""
        return Hyperparams(**{field.name: getattr(self, field.name)[members] for field in fields(self)})

    def at(self, remaining: float) -> Hyperparams:
        """What holds when ``remaining`` (1 to 0) of the training is left: two of them are annealed."""
        return replace(
            self,
            learning_rate=torch.where(self.anneal_lr > 0, self.learning_rate * remaining, self.learning_rate),
            eps_clip=torch.where(self.anneal_eps_clip > 0, self.eps_clip * remaining, self.eps_clip),
        )


def _number(value: float | bool | None) -> float:
    return math.inf if value is None else float(value)
