"""Consent is remembered for what it was given for, by the user who gave it, and for nothing else."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import gymnasium as gym
import pytest
from helpers.cli_runner import TINY, inside

from ppo_cli.envs import user_code

CODE = """
import gymnasium as gym
from gymnasium.envs.classic_control import CartPoleEnv
class Mine(CartPoleEnv):
    def __init__(self, word="", render_mode=None):
        super().__init__(render_mode=render_mode)
gym.register("Mine-v0", Mine, max_episode_steps=20)
"""
TRAIN = ("train", "--env", "mine_module:Mine-v0", "--name", "a", *TINY[2:])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module of the user's and a run of its environment."""
    (tmp_path / "mine_module.py").write_text(CODE)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    forget(monkeypatch)
    result = inside(*TRAIN, cwd=tmp_path)
    assert result.code == 0, result.stderr
    forget(monkeypatch)
    return tmp_path


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be as a process that has just begun."""
    monkeypatch.setattr(user_code, "_agreed", set())
    sys.modules.pop("mine_module", None)
    gym.registry.pop("Mine-v0", None)


def evaluated(place: Path, run: str = "a") -> int:
    return inside("eval", run, "--episodes", "1", cwd=place).code


def test_what_was_typed_once_holds_for_later_commands_on_that_run(place: Path) -> None:
    assert evaluated(place) == 0


def test_the_printed_commands_bring_the_consent_along(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(place / "state")
    result = inside("train", "--resume", "a", "--total-timesteps", "256", "--allow-import", cwd=place)
    printed = [line.strip() for line in result.stderr.splitlines() if line.startswith("  ppo")]
    assert len(printed) == 3
    for command in printed:
        forget(monkeypatch)
        shutil.rmtree(place / "state", ignore_errors=True)
        assert inside(*command.split()[1:], cwd=place).code == 0, command


def test_a_copy_in_another_place_needs_consent_of_its_own(place: Path) -> None:
    shutil.copytree(place / "runs" / "a", place / "runs" / "b")
    assert evaluated(place, "b") == 2
    assert inside("eval", "b", "--episodes", "1", "--allow-import", cwd=place).code == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [("mine_module:Mine-v0", "other_module:Mine-v0"), ("env_kwargs: {}", "env_kwargs: {word: x}")],
)
def test_a_run_that_asks_for_something_else_needs_consent(place: Path, old: str, new: str) -> None:
    config = place / "runs" / "a" / "config.yaml"
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    assert evaluated(place) == 2


def test_a_module_of_that_name_elsewhere_needs_consent(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = place / "other"
    other.mkdir()
    (other / "mine_module.py").write_text(CODE)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(place)])
    assert evaluated(other, str(place / "runs" / "a")) == 2
    assert "mine_module" not in sys.modules


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_what_others_could_have_written_is_no_consent(place: Path) -> None:
    (file,) = (place / "state" / "ppo-cli" / "consent").iterdir()
    file.chmod(0o666)
    assert evaluated(place) == 2
    file.chmod(0o600)
    assert evaluated(place) == 0


def test_training_goes_on_where_nothing_can_be_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    (place / "no folder").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "no folder"))
    assert inside(*TRAIN[:4], "b", *TINY[2:], cwd=place).code == 0
    forget(monkeypatch)
    assert evaluated(place, "b") == 2
