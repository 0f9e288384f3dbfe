"""Rewards that a model pays in place of the environment: each member's model, and what it has seen so far."""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppo_cli.config.choices import NULLS
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import CorruptFileError, PpoError, UsageError
from ppo_cli.learn.population import Member
from ppo_cli.learn.rollout import Rollout
from ppo_cli.rewards.fits import model_file
from ppo_cli.rewards.inputs import Transitions
from ppo_cli.rewards.model import RewardModel
from ppo_cli.rewards.nulls import null_model
from ppo_cli.spaces import EnvSpec

KEY = "learning.reward_model"
PREFIX = "learned."  # of the tensors of a checkpoint


class LearnedReward:
    """One member's reward, over the rollouts of its N environments.

    Args:
        model: What pays.
        spec: The environment.
        num_envs: N.
    """

    def __init__(self, model: RewardModel, spec: EnvSpec, num_envs: int) -> None:
        self.model = model
        context, size = model.context, () if spec.action.kind == "discrete" else (spec.action.size,)
        kind = torch.int64 if spec.action.kind == "discrete" else torch.float32
        self._returns = torch.zeros(num_envs, dtype=torch.float64)
        self._ages = torch.full((num_envs,), -1)
        self._past = Transitions(
            torch.zeros(context, num_envs, spec.obs_size),
            torch.zeros(context, num_envs, *size, dtype=kind),
            torch.zeros(context, num_envs, spec.obs_size),
            torch.zeros(context, num_envs, dtype=torch.bool),
        )
        self._finished: deque[float] = deque()

    def relabel(self, seen: Transitions, mask: Tensor, done: Tensor) -> tuple[Tensor, float]:
        """Pay for a rollout.

        Args:
            seen: Its transitions, ``[T, N, ...]``.
            mask: Which of them are real, ``[T, N]`` bool.
            done: Which of them ended an episode, ``[T, N]`` bool.

        Returns:
            Rewards ``[T, N]``, the mean over the ensemble; and how much its members disagree: their standard
            deviation, a mean over the steps.
        """
        ages = self._grow(mask, done).clamp_(min=0)
        by_member = self.model.rewards_along(self._with_past(seen), ages).numpy()  # [K, T, N]
        rewards = torch.from_numpy(by_member.mean(0)) * mask
        self._count(rewards, mask, done)
        real = by_member.std(0)[mask.numpy()]
        return rewards, float(real.mean(dtype=np.float64)) if len(real) else 0.0

    def pop_return(self) -> float:
        """The learned return of the oldest finished episode that was not asked for yet."""
        return self._finished.popleft()

    def tensors(self) -> dict[str, np.ndarray]:
        """What a checkpoint needs, by name."""
        past = {f"past_{name}": values for name, values in vars(self._past).items()}
        own = {"returns": self._returns, "ages": self._ages} | past
        return {PREFIX + name: values.numpy().copy() for name, values in own.items()}

    def restore(self, tensors: Mapping[str, Any]) -> None:
        """The inverse of :meth:`tensors`.

        Raises:
            KeyError: One is missing.
            ValueError: One is of another shape.
        """

        def own(name: str, like: Tensor) -> Tensor:
            values = torch.from_numpy(np.array(tensors[PREFIX + name]))
            if values.shape != like.shape or values.dtype != like.dtype:
                raise ValueError(f"{PREFIX}{name} is {tuple(values.shape)}, not {tuple(like.shape)}")
            return values

        self._returns, self._ages = own("returns", self._returns), own("ages", self._ages)
        self._past = Transitions(*(own(f"past_{name}", like) for name, like in vars(self._past).items()))

    def _with_past(self, seen: Transitions) -> Transitions:
        """A rollout's transitions with those before it that rewards may depend on; they go on after it."""
        context = self.model.context
        if not context:
            return seen
        pairs = zip(vars(self._past).values(), vars(seen).values(), strict=True)
        both = Transitions(*(torch.cat(pair) for pair in pairs))
        self._past = Transitions(*(values[-context:].clone() for values in vars(both).values()))
        return both

    def _grow(self, mask: Tensor, done: Tensor) -> Tensor:
        """Steps since the start of each step's episode, ``[T, N]``; -1 for fillers. They go on after it."""
        real, ended, steps = mask.numpy(), done.numpy(), np.arange(len(mask))[:, None]
        began = -self._ages.numpy() - 2  # the last step before the episode that is on
        breaks = np.maximum.accumulate(np.where(ended | ~real, steps, began))
        before = np.vstack((began, breaks[:-1]))
        ages = np.where(real, steps - before - 1, -1)
        self._ages = torch.from_numpy(np.where(ended[-1], -1, ages[-1]))
        return torch.from_numpy(ages)

    def _count(self, rewards: Tensor, mask: Tensor, done: Tensor) -> None:
        """Sum rewards over episodes, in the order in which the environments report their ends."""
        total = rewards.numpy().cumsum(0, dtype=np.float64)
        paid = -self._returns.numpy()  # what of the total belongs to episodes that have ended
        for t, env in np.argwhere((done & mask).numpy()).tolist():
            self._finished.append(float(total[t, env] - paid[env]))
            paid[env] = total[t, env]
        self._returns = torch.from_numpy(total[-1] - paid)


class LearnedRewards:
    """The rewards of all members of a population, each by its own model on its own rollout.

    Args:
        members: One for each row.
    """

    def __init__(self, members: Sequence[LearnedReward]) -> None:
        self.members = list(members)

    def relabel(self, rollout: Rollout, sent: Tensor) -> tuple[Tensor, Tensor]:
        """Pay for a rollout.

        Args:
            rollout: What was done.
            sent: Its actions as the environments got them, ``[M, T, N]`` or ``[M, T, N, A]``.

        Returns:
            Rewards ``[M, T, N]`` and how much the ensembles disagree ``[M]``.
        """
        paid, disagreement = [], []
        for row, member in enumerate(self.members):
            seen = Transitions(
                rollout.raw_obs[row, :-1], sent[row], rollout.raw_obs[row, 1:], rollout.terminated[row]
            )
            done = rollout.terminated[row] | rollout.truncated[row]
            rewards, apart = member.relabel(seen, rollout.mask[row], done)
            paid.append(rewards)
            disagreement.append(apart)
        return torch.stack(paid), torch.tensor(disagreement)

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all members but these."""
        self.members = [self.members[row] for row in rows]


def learned_rewards(
    members: Sequence[Member], spec: EnvSpec, kernels: ctypes.CDLL | None
) -> LearnedRewards | None:
    """The members' rewards, by their own copies of models; members that begin get their copies now.

    Args:
        members: Who learns from them.
        spec: The environment.
        kernels: What computes them, where it can; None for torch.

    Raises:
        UsageError: There is no such model, or it is not one of this environment.
        CorruptFileError: It is damaged, or the copy of a run that goes on is not there.
        StorageError: It cannot be copied into a run's folder.
    """
    config = members[0].config
    if not config.learns_reward:
        return None
    rewards = []
    for member in members:
        model = replace(_model(member, spec), kernels=kernels, num_threads=config.compute.num_threads)
        reward = LearnedReward(model, spec, config.rollout.num_envs)
        if member.checkpoint:
            try:
                reward.restore(member.checkpoint.tensors)
            except (KeyError, ValueError, TypeError) as error:
                raise CorruptFileError(
                    f"the checkpoint of {member.name} does not fit its reward model: {error}"
                ) from error
        rewards.append(reward)
    return LearnedRewards(rewards)


def original_model(config: RunConfig, spec: EnvSpec, near: Sequence[Path] = ()) -> RewardModel:
    """The model that a run's settings name.

    Args:
        config: The settings.
        spec: The environment.
        near: Folders that hold runs and preference sets.

    Raises:
        UsageError: There is none, or it is not one of this environment.
        CorruptFileError: It is damaged.
    """
    named = config.learning.reward_model
    assert named is not None
    if named in NULLS:
        return null_model(named, spec, config.env_kwargs, config.seed)
    path = model_file(named, near)
    try:
        model = RewardModel.load(path)
    except PpoError as error:
        raise type(error)(
            f"{KEY}: {error.message}", hint=error.hint, key=KEY, file=error.file or path
        ) from error
    own = model.shape.spec
    if (own.env_id, own.obs_size, own.action) != (spec.env_id, spec.obs_size, spec.action):
        raise UsageError(
            f"{KEY}: {path} does not fit this run: it judges {own.env_id}, not {spec.env_id}",
            hint="give a preference set of the same environment",
            key=KEY,
            file=path,
        )
    return model


def _model(member: Member, spec: EnvSpec) -> RewardModel:
    run = member.run_dir
    if run is None:
        return original_model(member.config, spec)
    if member.checkpoint or os.path.lexists(run.reward_model_path):
        try:
            return RewardModel.load(run.reward_model_path)
        except (CorruptFileError, UsageError) as error:
            raise CorruptFileError(
                f"{KEY}: {error.message}",
                hint=f"{run.name} needs its copy of the reward model {member.config.learning.reward_model}: "
                "bring it back",
                key=KEY,
                file=run.reward_model_path,
            ) from error
    model = original_model(member.config, spec, (run.path.parent, run.path.parent.parent))
    model.save(run.reward_model_path)
    return model
