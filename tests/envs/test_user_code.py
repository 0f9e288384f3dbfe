"""A user's module is imported only with consent, and one that fails is named."""

from __future__ import annotations

import sys

import gymnasium as gym
import pytest

from ppo_cli.envs import user_code
from ppo_cli.envs.factory import env_spec, make_env
from ppo_cli.envs.registry import resolve_env_id
from ppo_cli.errors import UsageError

MODULE = """
import gymnasium as gym
gym.register("Mine-v0", "gymnasium.envs.classic_control:PendulumEnv", max_episode_steps=9)
"""


@pytest.fixture
def module(tmp_path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of a user, in the working directory, that nobody agreed to import."""
    (tmp_path / "mine_env.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != ""])
    monkeypatch.setattr(user_code, "_agreed", set())
    sys.modules.pop("mine_env", None)
    gym.registry.pop("Mine-v0", None)
    return "mine_env"


def test_a_module_is_not_imported_without_consent(module: str) -> None:
    for refused in (lambda: resolve_env_id("mine_env:Mine-v0"), lambda: make_env("mine_env:Mine-v0")):
        with pytest.raises(UsageError, match="mine_env") as caught:
            refused()
        assert caught.value.hint is not None
        assert "--allow-import" in caught.value.hint
    assert module not in sys.modules


def test_a_module_is_imported_with_consent_from_the_working_directory(module: str) -> None:
    resolved = resolve_env_id("mine_env:Mine-v0", allow_import=True)
    assert resolved.env_id == "mine_env:Mine-v0"
    assert env_spec(resolved.env_id).max_episode_steps == 9
    with pytest.raises(UsageError, match="Other-v0"):
        resolve_env_id("mine_env:Other-v0", allow_import=True)


def test_a_module_that_fails_is_named(module: str, tmp_path) -> None:
    (tmp_path / "broken_env.py").write_text("import no_such_thing")
    for reference in ("broken_env:Env-v0", "absent_env:Env-v0"):
        with pytest.raises(UsageError, match=reference.split(":")[0]):
            resolve_env_id(reference, allow_import=True)
