"""Rollouts of one member by hand, and what an algorithm makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from helpers.training_helpers import make_config
from ppo_cli.learn.algorithms.base import Algorithm, Targets
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Rollout

Table = list[list[float]]  # time by environment


def rollout_of(mask: Table, ends: Table, cuts: Table | None = None, rewards: Table | None = None) -> Rollout:
    """A rollout of one member, with only what targets look at."""
    flags = [torch.tensor(f)[None] > 0 for f in (mask, ends, cuts or [[0] * len(mask[0])] * len(mask))]
    empty = torch.zeros(0)
    paid = empty if rewards is None else torch.tensor(rewards)[None]
    return Rollout(empty, empty, paid, flags[1], flags[2], flags[0], ~flags[0], empty, {})


def hyper_of(algorithm: str, **settings: Any) -> Hyperparams:
    """The hyperparameters of one member."""
    return Hyperparams.stack(
        [make_config("CartPole-v1", algorithm=algorithm, num_envs=4, num_minibatches=1, **settings)]
    )


def targets(algorithm: Algorithm, rollout: Rollout, rewards: Table, hyper: Hyperparams) -> Targets:
    """What an algorithm makes of a rollout where the critic says 0."""
    values = torch.zeros(1, len(rewards) + 1, len(rewards[0]))
    return algorithm.targets(replace(rollout, rewards=torch.tensor(rewards)[None]), values, hyper)


def view(log_ratio: Tensor, batch: Batch) -> PolicyView:
    """The policy that gives this log of pi / pi_old."""
    return PolicyView(batch.log_probs + log_ratio, log_ratio, torch.zeros_like(log_ratio))
