"""What stands in the place of a reward model to show what training does without one.

``constant`` pays 1 for every step: where episodes can end, that alone says much. ``random`` is an untrained
model of the usual shape, scaled by what random actions lead to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ppo_cli.config.choices import CONSTANT, RANDOM
from ppo_cli.config.preference_settings import FitSettings
from ppo_cli.envs.member_envs import make_member_envs
from ppo_cli.rewards.inputs import Inputs, Transitions
from ppo_cli.rewards.model import RewardModel, RewardShape
from ppo_cli.rng import Stream, generator
from ppo_cli.spaces import EnvSpec

_ENVS, _STEPS = 8, 256


def null_model(name: str, spec: EnvSpec, env_kwargs: Mapping[str, Any], seed: int) -> RewardModel:
    """A model that was fitted to nothing.

    Args:
        name: ``constant`` or ``random``.
        spec: The environment.
        env_kwargs: Its arguments.
        seed: The run's seed.
    """
    settings = FitSettings()
    seen = _random_steps(spec, env_kwargs, seed)
    inputs = Inputs.of(seen.obs[:, -1], seen.next_obs[:, -1])
    shape = RewardShape(spec, settings, 1, name, constant=name == CONSTANT)
    rngs = [generator(seed, Stream.FIT, member) for member in range(settings.members)]
    model = RewardModel(shape, shape.network().init(rngs), inputs, torch.ones(settings.members))
    if name != RANDOM:
        return model
    rewards = model.rewards(seen, torch.ones(seen.terminated.shape, dtype=torch.bool))
    scale = torch.stack([row.double().std(correction=0).clamp(min=1e-6).float() for row in rewards])
    return replace(model, scale=scale)


def _random_steps(spec: EnvSpec, env_kwargs: Mapping[str, Any], seed: int) -> Transitions:
    """Real transitions of random actions, ``[B, 1, ...]``."""
    rng = generator(seed, Stream.FIT)
    envs = make_member_envs(spec.env_id, env_kwargs, _ENVS, [seed], stream=Stream.FIT)
    parts: list[tuple[np.ndarray, ...]] = []
    try:
        obs = envs.reset()
        for _ in range(_STEPS):
            actions = _random_actions(rng, spec)
            step = envs.step(actions)
            parts.append(
                (obs[step.mask], actions[step.mask], step.obs[step.mask], step.terminated[step.mask])
            )
            obs = step.obs
    finally:
        envs.close()
    columns = [torch.from_numpy(np.concatenate(column))[:, None] for column in zip(*parts, strict=True)]
    return Transitions(*columns)


def _random_actions(rng: np.random.Generator, spec: EnvSpec) -> np.ndarray:
    action = spec.action
    if action.kind == "discrete":
        return rng.integers(action.size, size=(1, _ENVS))
    low, high = np.array(action.low), np.array(action.high)
    free = rng.standard_normal((1, _ENVS, action.size))
    bounded = np.isfinite(high - low)
    inside = np.where(bounded, low, 0) + np.where(bounded, high - low, 1) * rng.random(free.shape)
    return np.where(bounded, inside, free).astype(np.float32)
