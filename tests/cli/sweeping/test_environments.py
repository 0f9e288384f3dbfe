"""Environments of sweeps: retired ones, and those of the user."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.sweep_commands import TINY

from ppo_cli.envs import user_code


def test_a_retired_environment_is_announced_once_and_both_ids_are_recorded(tmp_path: Path) -> None:
    words = (*TINY, "--total-timesteps", "32", "--set", "num_evals=0", "--set", "final_eval_episodes=1")
    pendulum = ("sweep", "--env", "Pendulum-v0", *words, "--param", "eps_clip=0.1", "--seeds", "1")
    result = inside(*pendulum, "--confirm", "0", "--json", cwd=tmp_path)
    assert result.code == 0 and result.stderr.count("running Pendulum-v1") == 1
    (run,) = result.json["runs"]
    assert (run["env_id"], run["env_id_requested"]) == ("Pendulum-v1", "Pendulum-v0")


def test_a_module_of_the_users_is_imported_where_it_was_agreed_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "swept_env.py").write_text(
        "import gymnasium as gym\n"
        "from gymnasium.envs.classic_control.cartpole import CartPoleEnv\n"
        "gym.register('SweptEnv-v0', CartPoleEnv, max_episode_steps=50)\n"
    )
    words = ("sweep", "--env", "swept_env:SweptEnv-v0", *TINY, "--param", "eps_clip=0.1", "--seeds", "1")
    assert inside(*words, "--confirm", "0", "--quiet", cwd=tmp_path).code == 0
    monkeypatch.setattr(user_code, "_agreed", set())
    assert inside("sweep", "--resume", "latest", "--quiet", cwd=tmp_path).code == 0, "agreed to in this place"
    monkeypatch.setattr(user_code, "_agreed", set())
    (tmp_path / "runs").rename(tmp_path / "sent")
    refused = inside("sweep", "--resume", "latest", "--runs-dir", "sent", cwd=tmp_path)
    assert refused.code == 2 and "--allow-import" in refused.stderr
    allowed = ("--runs-dir", "sent", "--allow-import", "--quiet")
    assert inside("sweep", "--resume", "latest", *allowed, cwd=tmp_path).code == 0
