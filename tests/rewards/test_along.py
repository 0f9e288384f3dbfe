"""Rewards along rollouts, computed once where steps share a number, are those of each step's own sequence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.kernel_cases import some_library
from torch import Tensor

from ppo_cli.config.preference_settings import FitSettings
from ppo_cli.kernels.library import loaded_kernels
from ppo_cli.rewards.compiled import CompiledMlpReward
from ppo_cli.rewards.inputs import Inputs, Transitions
from ppo_cli.rewards.mlp import MlpReward
from ppo_cli.rewards.model import RewardModel, RewardShape
from ppo_cli.spaces import ActionSpec, EnvSpec

SPEC = EnvSpec("Made-v0", 3, ActionSpec("box", 2, (-1.0, -2.0), (1.0, 2.0)))
LENGTH, NUM_STEPS, NUM_ENVS = 7, 90, 3
MODELS = {
    "steps": {"hidden_sizes": (19, 6)},
    "potential": {"hidden_sizes": (9,), "potential": True},
    "relu": {"hidden_sizes": (8, 1), "activation": "relu", "potential": True},
    "one layer": {"network": "transformer", "width": 12},
    "two layers": {"network": "transformer", "width": 8, "layers": 2},
}
EACH = pytest.mark.parametrize("kind", MODELS)


def model_of(kind: str, engine: str = "torch", members: int = 3) -> RewardModel:
    shape = RewardShape(SPEC, FitSettings(members=members, **MODELS[kind]), LENGTH, "own")
    params = shape.network().init([np.random.default_rng(seed) for seed in range(members)])
    params = params + 0.2 * torch.randn(params.shape, generator=torch.Generator().manual_seed(4))
    inputs = Inputs(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 2.0, 0.5]), torch.ones(3))
    scale = torch.arange(1, members + 1) / 2
    return RewardModel(shape, params, inputs, scale, loaded_kernels() if engine == "compiled" else None)


def rollout(context: int) -> tuple[Transitions, Tensor]:
    """Steps of environments, each obs the next_obs before; ages that start anew at several places."""
    numbers = torch.Generator().manual_seed(5)
    length = context + NUM_STEPS
    obs = torch.randn(length + 1, NUM_ENVS, 3, generator=numbers)
    actions = torch.randn(length, NUM_ENVS, 2, generator=numbers)
    terminated = torch.rand(length, NUM_ENVS, generator=numbers) < 0.05
    ages = torch.empty(NUM_STEPS, NUM_ENVS, dtype=torch.int64)
    for env, (age, lasts) in enumerate(((3, 40), (0, LENGTH - 2), (200, 1000))):
        ages[:, env] = (age + torch.arange(NUM_STEPS)) % lasts
    return Transitions(obs[:-1], actions, obs[1:], terminated), ages


def one_by_one(model: RewardModel, seen: Transitions, ages: Tensor) -> Tensor:  # [K, T, N]
    """By definition: every step with those before it in its episode, as far as a clip is long."""
    out = torch.empty(len(model.params), *ages.shape)
    for t in range(len(ages)):
        sequences = Transitions(*(
            values[t : t + model.context + 1].transpose(0, 1) for values in vars(seen).values()
        ))  # fmt: skip
        started = torch.arange(model.context, -1, -1) <= ages[t][:, None]
        out[:, t] = model.rewards(sequences, started)
    return out


@EACH
def test_rewards_along_a_rollout_are_those_of_each_steps_sequence(kind: str, engine: str) -> None:
    model = model_of(kind)
    seen, ages = rollout(model.context)
    expected = one_by_one(model, seen, ages)
    found = model_of(kind, engine).rewards_along(seen, ages)
    assert expected.std() > 0.05
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@EACH
def test_what_came_before_an_episode_does_not_matter(kind: str, engine: str) -> None:
    model = model_of(kind, engine)
    seen, ages = rollout(model.context)
    before = (torch.arange(len(seen.terminated)) < model.context)[:, None] & (ages[0] == 0)
    other = replace(seen, actions=torch.where(before[..., None], 9.0, seen.actions))
    assert torch.equal(model.rewards_along(other, ages), model.rewards_along(seen, ages))


@pytest.mark.parametrize("kind", [kind for kind in MODELS if "layer" not in kind])
def test_compiled_members_have_the_bits_they_have_alone_and_by_any_threads(kind: str) -> None:
    kernels = some_library()
    model = model_of(kind, "compiled", members=5)
    seen, ages = rollout(0)
    assert isinstance(model.network, CompiledMlpReward)
    whole = model.rewards_along(seen, ages)
    assert torch.equal(replace(model, num_threads=3).rewards_along(seen, ages), whole)
    network = model.shape.network()
    assert isinstance(network, MlpReward)
    alone = CompiledMlpReward(kernels, network)
    steps = model.inputs.step(seen, SPEC.action, model.shape.settings.loudness)
    states = model.inputs.state(torch.cat((seen.obs, seen.next_obs[-1:]))) if network.needs_states else None
    for row in range(5):
        own = alone.rewards_along(model.params[row : row + 1].clone(), steps, states, ages)
        assert torch.equal(own[0] / model.scale[row], whole[row])
