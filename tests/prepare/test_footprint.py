"""What a run is said to take, beside what it takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.small_runs import config_of, start

from ppo_cli.config.schema import RunConfig
from ppo_cli.learn.build import open_population
from ppo_cli.prepare.footprint import disk_bytes, memory_bytes, num_parameters

WHOLE = ("num_steps=32", "group_size=2", "env_kwargs={max_episode_steps: 20}")
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ppo-clip": ("CartPole-v1", ()),
    "odd widths": ("Acrobot-v1", ("hidden_sizes=[5,7,1]",)),
    "gaussian": ("Pendulum-v1", ()),
    "beta": ("Pendulum-v1", ("policy=beta",)),
    "many actions": ("BipedalWalker-v3", ("policy=beta",)),
    "reinforce": ("CartPole-v1", ("algorithm=reinforce", "num_steps=32", WHOLE[2])),
    "reinforce, no baseline": (
        "CartPole-v1",
        ("algorithm=reinforce", "baseline=none", "num_steps=32", WHOLE[2]),
    ),
    "grpo": ("CartPole-v1", ("algorithm=grpo", *WHOLE)),
    "grpo, beta": ("Pendulum-v1", ("algorithm=grpo", "policy=beta", *WHOLE)),
}


def of_kind(name: str, *more: str) -> RunConfig:
    env, settings = KINDS[name]
    return config_of(env, *settings, *more, iterations=3)


@pytest.mark.parametrize("name", KINDS)
def test_the_parameters_that_are_counted_are_those_that_are_trained(name: str) -> None:
    config = of_kind(name)
    from helpers.training_helpers import population

    with open_population(population([config])) as state:
        assert num_parameters(config) == state.agent.net.num_params
        assert config.facts.critic(config.learning) == state.agent.net.critic


@pytest.mark.parametrize("name", ["ppo-clip", "grpo", "beta", "grpo, beta", "reinforce, no baseline"])
def test_a_run_takes_the_disk_space_that_a_dry_run_names_or_a_little_less(name: str, tmp_path: Path) -> None:
    config = of_kind(name, "hidden_sizes=[128,128]", "keep_policies=2")
    run = start(config, tmp_path)
    taken = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
    assert 0.9 * disk_bytes(config) < taken <= disk_bytes(config)


def test_the_copy_of_a_reference_is_counted(tmp_path: Path) -> None:
    first = of_kind("grpo", "hidden_sizes=[128,128]")
    config = of_kind("grpo", "hidden_sizes=[128,128]", f"reference={start(first, tmp_path).path}")
    run = start(config, tmp_path)
    assert run.reference_path.stat().st_size <= disk_bytes(config) - disk_bytes(first) < 80_000


def test_the_copy_of_a_reward_model_is_counted(tmp_path: Path) -> None:
    config = of_kind("ppo-clip", "reward_model=random")
    run = start(config, tmp_path)
    assert run.reward_model_path.stat().st_size <= disk_bytes(config) - disk_bytes(of_kind("ppo-clip"))


def test_a_member_without_a_critic_takes_less_memory() -> None:
    with_critic, without = of_kind("reinforce"), of_kind("reinforce, no baseline")
    assert memory_bytes(without) < memory_bytes(with_critic)
