"""Modules of the user's own are imported only where the user agreed to it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ppo_cli.config.resolve import load_config
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs import user_code
from ppo_cli.envs.consent import agree_to_run, agree_to_terms, imports_of
from ppo_cli.errors import UsageError
from ppo_cli.prepare.resolve import resolve_settings

CODE = """
import gymnasium as gym
if "Spy-v0" not in gym.registry:
    gym.register("Spy-v0", "gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=20)
def terms(obs):
    return {"bonus": obs[..., 0]}
"""
FILES = ["env_id: spy_module:Spy-v0\n", "env_id: CartPole-v1\nmode: log\nterms: spy_module:terms\n"]


@pytest.fixture(autouse=True)
def spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that nobody has agreed to yet."""
    (tmp_path / "spy_module.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "spy_module", raising=False)
    monkeypatch.setattr(user_code, "_agreed", set())


def is_imported() -> bool:
    return "spy_module" in sys.modules


@pytest.mark.parametrize("text", FILES)
def test_a_file_may_name_a_module_only_with_consent(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    config = load_config(path)
    assert not is_imported(), "reading imports nothing, so it needs no consent"
    with pytest.raises(UsageError, match=r"spy_module.* would import and run") as caught:
        resolve_settings(None, path)
    assert "--allow-import" in str(caught.value.hint) and caught.value.line == len(text.splitlines())
    with pytest.raises(UsageError, match=r"spy_module.* would import"):
        agree_to_run(config, allow_import=False)
    assert not is_imported()
    resolve_settings(None, path, allow_import=True)
    assert is_imported()
    agree_to_run(config, allow_import=False)  # what was agreed to once holds for this process


@pytest.mark.parametrize(
    ("env", "overrides", "values"),
    [
        ("spy_module:Spy-v0", (), {}),
        (None, ("env_id=spy_module:Spy-v0",), {}),
        ("CartPole-v1", ("mode=log", "terms=spy_module:terms"), {}),
        ("CartPole-v1", (), {"mode": "log", "terms": "spy_module:terms"}),
    ],
)
def test_to_type_a_module_is_to_consent(
    env: str | None, overrides: tuple[str, ...], values: dict[str, str]
) -> None:
    settings = resolve_settings(env, None, overrides, values=values)
    assert is_imported() and len(imports_of(settings.config)) == 1


def test_what_is_typed_takes_the_place_of_what_a_file_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("env_id: CartPole-v1\nmode: log\nterms: other:terms\n")
    config = resolve_settings(None, path, ["terms=spy_module:terms"]).config
    assert imports_of(config) == ["reward_shaping.terms: spy_module:terms"]
    assert imports_of(RunConfig(env_id="CartPole-v1")) == []


def test_shipped_terms_need_no_consent() -> None:
    agree_to_terms(None, agreed=False)
