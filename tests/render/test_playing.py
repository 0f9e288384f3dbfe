"""Playing an episode: what the environment gets, and when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cli_runner import TINY, inside
from helpers.render_helpers import (
    refused,
    rendered,
)

from ppo_cli.envs.shaping import ShapingParams
from ppo_cli.render import playing
from ppo_cli.render.playing import draw, play
from ppo_cli.render.scene import Scene, random_scene


def test_actions_arrive_as_the_environment_wants_them(tmp_path: Path) -> None:
    for env_id in ("Clock-v0", "OddClock-v0"):
        assert inside("train", "--env", env_id, *TINY[2:], cwd=tmp_path).code == 0
        (episode,) = rendered("latest", "--stochastic", cwd=tmp_path)["episodes"]
        assert episode["length"] == 10


def test_an_episode_without_an_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "MAX_STEPS", 7)
    (episode,) = rendered("--random", "--env", "Endless-v0", cwd=tmp_path)["episodes"]
    assert episode["length"] == 7


@pytest.mark.parametrize(
    ("env_id", "code", "part"),
    [
        ("Blind-v0", 2, "no render mode 'rgb_array'"),
        ("Textual-v0", 2, "str"),
        ("Growing-v0", 2, "(9, 8)"),
        ("BrokenLens-v0", 2, "failed in render(): RuntimeError: the lens is broken"),
        ("Unwilling-v0", 2, "failed in reset(seed="),
        ("CartPole-v9", 2, "CartPole-v1"),
    ],
)
def test_environments_without_pictures_are_named(env_id: str, code: int, part: str, tmp_path: Path) -> None:
    actual, message = refused("--random", "--env", env_id, cwd=tmp_path)
    assert actual == code and env_id in message and part in message
    assert list(tmp_path.iterdir()) == []


def scene_of(env_id: str, shaping: ShapingParams | None = None) -> Scene:
    scene = random_scene(env_id)
    return Scene(scene.env_id, {}, scene.make_agent, shaping or ShapingParams())


def test_terms_do_not_change_what_is_played() -> None:
    for env_id in ("LunarLander-v3", "Pendulum-v1", "Clock-v0"):
        *_, (_, plain) = draw(scene_of(env_id), 5)
        *_, (_, with_terms) = draw(scene_of(env_id), 5, with_terms=True)
        assert with_terms.episode == plain.episode == play(scene_of(env_id), 5)
