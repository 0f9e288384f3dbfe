"""Of every setting: either to change it changes what is learned, or it is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from ppo_cli.config.algorithms import ALGORITHMS, uses
from ppo_cli.config.sections import SHAPING_TERMS
from ppo_cli.config.settings import BY_PATH, SETTINGS
from ppo_cli.errors import UsageError
from ppo_cli.learn.build import open_population
from ppo_cli.learn.population import Member, Population
from ppo_cli.learn.trainer import train_iteration
from ppo_cli.prepare.resolve import resolve_settings
from ppo_cli.prepare.try_environment import try_environment

TRAINED = ("rollout", "learning", "network", "normalization", "reward_shaping")
# Values that are far enough from the base to show within two iterations.
VALUES: dict[str, Any] = {
    "eps_clip": 1e-4, "max_grad_norm": 1e-4, "target_kl": 1e-12, "kl_target": 900.0, "eps_clip_vf": 1e-6,
    "clip_obs": 1e-3,
    "clip_higher": 1e-5, "num_envs": 8,
    "num_steps": 80,
    "total_timesteps": 640, "seed": 5, "scale": 7.0, "hidden_sizes": (4,), "group_size": 2,
    "env_kwargs": None,
    "terms": None, "custom": None, "reference": None, "reward_model": "constant", "num_minibatches": 1,
    "policy": "beta",
}  # fmt: skip
BASE: dict[str, Any] = {
    "num_envs": 4, "num_steps": 40, "num_minibatches": 2, "total_timesteps": 480, "num_evals": 0,
    "final_eval_episodes": 0, "hidden_sizes": (8,), "env_kwargs": {"max_episode_steps": 20},
    "learning_rate": 0.01, "num_epochs": 20,
}  # fmt: skip
ENVS: dict[str, dict[str, Any]] = {
    "CartPole-v1": {"mode": "add", "position": 0.1},
    "Pendulum-v1": {"normalize_obs": True},
}


def cases() -> Iterator[Any]:
    for env_id in ENVS:
        for algorithm in ALGORITHMS:
            for setting in SETTINGS:
                if setting.section in TRAINED or setting.name == "seed":
                    case = f"{env_id}-{algorithm}-{setting.name}"
                    yield pytest.param(env_id, algorithm, setting.path, id=case)


@pytest.fixture(scope="module")
def learned() -> dict[tuple[str, str], torch.Tensor]:
    return {}


@pytest.mark.parametrize(("env_id", "algorithm", "path"), cases())
def test_a_changed_setting_changes_what_is_learned_or_is_refused(
    env_id: str, algorithm: str, path: str, learned: dict[tuple[str, str], torch.Tensor]
) -> None:
    setting = BY_PATH[path]
    if VALUES.get(setting.name, 0) is None:
        pytest.skip("names something of the user's own")
    base = {name: value for name, value in BASE.items() if uses(algorithm, name)}
    base |= {**ENVS[env_id], "algorithm": algorithm}
    if algorithm == "grpo":
        base |= {"group_size": 4, "eps_clip": 0.001}
    if setting.name == "dynamic_sampling":
        pytest.skip("shows where all episodes of a group pay the same: tests of grpo have that")
    key = (env_id, algorithm)
    if key not in learned:
        learned[key] = trained(env_id, base)
    now = resolve_settings(env_id, None, values=base).config
    try_environment(now)
    value = VALUES[setting.name] if setting.name in VALUES else another(setting, now)
    with contextlib.suppress(UsageError):  # refused, in words
        try_environment(resolve_settings(env_id, None, values={**base, setting.name: value}).config)
        other = trained(env_id, {**base, setting.name: value})
        assert other.shape != learned[key].shape or not torch.equal(other, learned[key]), (
            f"{path}={value} changes nothing and is not refused"
        )


def another(setting: Any, now: Any) -> Any:
    """A value that is not the one that holds now."""
    part = getattr(now, setting.section) if setting.section else now
    held = getattr(part, setting.name)
    if setting.name in SHAPING_TERMS:
        return 0.5
    if isinstance(held, bool):
        return not held
    return next(value for value in setting.grid if value != held)


def trained(env_id: str, values: dict[str, Any]) -> torch.Tensor:
    """The parameters after three iterations."""
    config = resolve_settings(env_id, None, values=values).config
    with open_population(Population((Member(config),))) as state:
        while state.members and state.iteration < state.num_iterations:
            train_iteration(state)
            params = state.learner.agent.params.clone()
    return params
