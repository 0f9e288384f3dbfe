"""Both engines learn the same, to rounding, on whatever environment: kernels may play it or not."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.kernel_cases import some_library
from helpers.probe_envs import ObservationDependentValue, probe_id
from helpers.training_helpers import make_config, population, train_members

from ppo_cli.config.schema import RunConfig
from ppo_cli.learn.build import open_population
from ppo_cli.nn.compiled import CompiledActorCritic

SHORT = {"env_kwargs": {"max_episode_steps": 12}}
CASES: dict[str, tuple[str, dict[str, Any], bool]] = {
    "cartpole": ("CartPole-v1", {"normalize_obs": True}, True),
    "pendulum": ("Pendulum-v1", SHORT, True),
    "squashed": ("Pendulum-v1", {"squash": True, **SHORT}, True),
    "Beta": ("MountainCarContinuous-v0", {"policy": "beta", **SHORT}, True),
    "groups": ("CartPole-v1", {"algorithm": "grpo", "group_size": 2, "num_envs": 4, **SHORT}, True),
    "shaped": ("CartPole-v1", {"mode": "add", "position": 1.0}, True),
    "lander": ("LunarLander-v3", {}, False),
    "lander, squashed": ("LunarLanderContinuous-v3", {"squash": True}, False),
    "a learned reward": (
        "CartPole-v1",
        {"algorithm": "spo", "reward_model": "random", "reference_coef": 0.3, "reference_kl": 1e-3, **SHORT},
        True,
    ),
    "squashed, a learned reward": (
        "Pendulum-v1",
        {"reward_model": "random", "reference_coef": 0.3, "squash": True, "normalize_obs": True, **SHORT},
        True,
    ),
    "a user's": (probe_id(ObservationDependentValue), {}, False),
}
"""Environment, settings, and whether kernels play it."""


def configs(env_id: str, settings: dict[str, Any], engine: str) -> list[RunConfig]:
    own = {"num_minibatches": 1, "num_epochs": 2, "num_evals": 1, "engine": engine} | settings
    return [make_config(env_id, 2, seed=seed, **own) for seed in (1, 2)]


@pytest.mark.parametrize("name", CASES)
def test_both_engines_learn_the_same_to_rounding(name: str) -> None:
    some_library()
    env_id, settings, can_play = CASES[name]
    with open_population(population(configs(env_id, settings, "compiled"))) as state:
        assert isinstance(state.agent.net, CompiledActorCritic)
        assert state.rows.envs.can_play == can_play
    ours, theirs = (train_members(configs(env_id, settings, engine), 2) for engine in ("compiled", "torch"))
    for compiled, torch in zip(ours, theirs, strict=True):
        assert [(e.env, e.index, e.length) for e in compiled.episodes] == [
            (e.env, e.index, e.length) for e in torch.episodes
        ]
        for got, wanted in zip(compiled.metrics, torch.metrics, strict=True):
            assert got == pytest.approx(wanted, rel=2e-3, abs=2e-4, nan_ok=True)
        assert compiled.tensors["params"] == pytest.approx(torch.tensors["params"], abs=2e-5)
        assert [e.lengths for e in compiled.evals] == [e.lengths for e in torch.evals]
        assert compiled.differences(torch), "to rounding, not to the last bit: else this compares nothing"
