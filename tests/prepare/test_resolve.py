"""From what the user gave to settings that are ready to train."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.registry import resolve_env_id
from ppo_cli.errors import UsageError
from ppo_cli.prepare.resolve import resolve_settings, settings_of_config

BASE = with_values(RunConfig(env_id="CartPole-v1"), {"engine": "torch"})


def test_a_retired_environment_is_replaced_and_both_ids_are_known() -> None:
    for settings in (
        resolve_settings("LunarLander-v2", None),
        resolve_settings(None, None, ["env_id=LunarLander-v2"]),
        resolve_settings(resolve_env_id("LunarLander-v2"), None),
        settings_of_config(BASE, {"env_id": "LunarLander-v2"}, allow_import=False),
    ):
        assert (settings.config.env_id, settings.env_requested) == ("LunarLander-v3", "LunarLander-v2")
        assert sum("running LunarLander-v3" in notice for notice in settings.notices) == 1


def test_an_environment_brings_its_tuned_settings_and_the_settings_of_a_run_do_not() -> None:
    assert resolve_settings("CartPole-v1", None).config.rollout.num_steps == 32
    assert settings_of_config(BASE, {"gamma": 0.9}, allow_import=False).config == with_values(
        BASE, {"gamma": 0.9}
    )


def test_rollouts_become_as_long_as_an_episode_may_be_unless_that_was_given() -> None:
    settings = resolve_settings("CartPole-v1", None, values={"algorithm": "reinforce", "seed": 2})
    assert settings.config.rollout.num_steps >= 500
    untuned = resolve_settings("MountainCar-v0", None, values={"algorithm": "reinforce"})
    assert untuned.config.rollout.num_steps == 200
    assert untuned.origins["rollout.num_steps"] == "time limit of MountainCar-v0"
    with pytest.raises(UsageError, match="takes up to 200 steps"):
        resolve_settings("MountainCar-v0", None, ["num_steps=100"], values={"algorithm": "reinforce"})
    with pytest.raises(UsageError, match="takes up to 500 steps"):
        settings_of_config(BASE, {"algorithm": "reinforce"}, allow_import=False)


def test_messages_name_the_place_of_values_as_the_caller_calls_it() -> None:
    with pytest.raises(UsageError, match=r"^--seed: seed: -1"):
        resolve_settings("CartPole-v1", None, values={"seed": -1})
    with pytest.raises(UsageError, match=r"^settings: seed: -1"):
        resolve_settings("CartPole-v1", None, values={"seed": -1}, values_label="settings")


def test_a_file_of_settings_lies_between_the_tuned_ones_and_those_that_were_typed(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("gamma: 0.5\neps_clip: 0.4\n")
    learning = resolve_settings("CartPole-v1", file, ["eps_clip=0.3"]).config.learning
    assert (learning.gamma, learning.eps_clip, learning.num_epochs) == (0.5, 0.3, 6)
