"""The per-member half of the settings, stacked to one ``[M]`` tensor each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
from torch import Tensor

from ppo_cli.config.algorithms import uses
from ppo_cli.config.schema import RunConfig
from ppo_cli.nn.rows import Rows

KL_STOP_FACTOR = 1.5
DOUBLE = ("learning_rate", "critic_learning_rate")  # Adam's step size is computed in double precision


@dataclass(frozen=True)
class Hyperparams(Rows):
    """Settings that may differ between the members of one population, each ``[M]``.

    An optional setting that is off is infinite here: a limit that nothing reaches.
    """

    learning_rate: Tensor  # float64
    critic_learning_rate: Tensor  # float64
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
    kl_coef: Tensor
    kl_target: Tensor
    clip_higher: Tensor
    divide_by_std: Tensor
    dynamic_sampling: Tensor
    reference_coef: Tensor
    reference_kl: Tensor

    @cached_property
    def value_clip(self) -> Tensor | None:
        """``eps_clip_vf``, or None when no member clips its values."""
        return None if bool(torch.isinf(self.eps_clip_vf).all()) else self.eps_clip_vf

    @cached_property
    def kl_limit(self) -> Tensor | None:
        """The largest ``approx_kl`` of one update, ``[M]`` in nats; None when no member has a limit."""
        return None if bool(torch.isinf(self.target_kl).all()) else KL_STOP_FACTOR * self.target_kl

    @cached_property
    def annealed(self) -> dict[str, Tensor | None]:
        """The settings that fall during the training, and for which members, ``[M]`` bool; None for all."""
        switches = dict.fromkeys(DOUBLE, self.anneal_lr > 0)
        switches |= dict.fromkeys(("eps_clip", "clip_higher"), self.anneal_eps_clip > 0)
        return {name: None if falls.all() else falls for name, falls in switches.items() if falls.any()}

    @cached_property
    def scales_rewards(self) -> bool:
        """Whether the rewards of a member are to be multiplied by a number other than 1."""
        return bool((self.reward_scale != 1).any())

    @classmethod
    def stack(cls, configs: Sequence[RunConfig]) -> Hyperparams:
        """Stack the hyperparameters of M configs."""
        columns = {
            field.name: torch.tensor(
                [_number(config, field.name) for config in configs],
                dtype=torch.float64 if field.name in DOUBLE else torch.float32,
            )
            for field in fields(cls)
        }
        return cls(**columns)

    def at(self, remaining: float, adapted: Mapping[str, Tensor]) -> Hyperparams:
        """Anneal and adapt, for when ``remaining`` (1 to 0) of the training is left.

        Args:
            remaining: Rates and clip ranges fall with it where they are annealed.
            adapted: Those that the algorithm has adapted meanwhile, ``[M]`` each.
        """
        now = {name: getattr(self, name) * remaining for name in self.annealed}
        for name, falls in self.annealed.items():
            if falls is not None:
                now[name] = torch.where(falls, now[name], getattr(self, name))
        return replace(self, **now, **adapted)


def _number(config: RunConfig, name: str) -> float:
    """A setting as a number."""
    if name == "normalize_advantages" and not uses(config.algorithm, name):
        return 0.0
    value = getattr(config.learning, name)
    if value is None and name in _SAME_AS:
        value = getattr(config.learning, _SAME_AS[name])
    return math.inf if value is None else float(value)


_SAME_AS = {"critic_learning_rate": "learning_rate", "clip_higher": "eps_clip"}  # when it is null
