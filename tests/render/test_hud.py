"""The words on a picture of an episode."""

from __future__ import annotations

import pytest

from ppo_cli.envs.shaping import ShapingParams
from ppo_cli.render.hud import lines_of
from ppo_cli.render.playing import Moment, draw
from ppo_cli.render.scene import Scene, random_scene


def last_moment(env_id: str, shaping: ShapingParams | None = None) -> Moment:
    scene = scene_of(env_id, shaping)
    *_, (_, moment) = draw(scene, 3, with_terms=True)
    return moment


def scene_of(env_id: str, shaping: ShapingParams | None = None) -> Scene:
    scene = random_scene(env_id)
    return Scene(scene.env_id, {}, scene.make_agent, shaping or ShapingParams())


def test_a_simple_overlay_tells_return_and_step_and_that_it_has_ended() -> None:
    moment = last_moment("CartPole-v1")
    lines = lines_of(moment, scene_of("CartPole-v1"), "simple")
    length = moment.episode.length
    assert [(line.name, line.value) for line in lines] == [("return", f"{length}.0"), ("step", f"{length}")]
    assert lines[1].mark == "ended"
    assert lines_of(moment, scene_of("CartPole-v1"), "none", "label") == []


def test_a_full_overlay_tells_action_reward_and_terms() -> None:
    moment = last_moment("LunarLander-v3")
    lines = {line.name: line.value for line in lines_of(moment, scene_of("LunarLander-v3"), "full")}
    assert list(lines) == [
        "return", "step", "action", "reward",
        "distance", "velocity", "angle", "legs", "main_engine", "side_engine",
    ]  # fmt: skip
    assert lines["action"] in ("none", "left engine", "main engine", "right engine")
    assert lines["reward"] == "-100" and float(lines["distance"]) < 0


def test_a_shaped_reward_is_told_beside_the_environments_own() -> None:
    shaping = ShapingParams("add", 2.0, {"position": 1.0})
    moment = last_moment("CartPole-v1", shaping)
    assert moment.shaped == pytest.approx(moment.reward + 2 * moment.terms["position"])
    assert moment.episode.episode_return == moment.episode.length, "the environment's own"
    names = [line.name for line in lines_of(moment, scene_of("CartPole-v1", shaping), "full")]
    assert names[-1] == "shaped"
    assert "shaped" not in [line.name for line in lines_of(moment, scene_of("CartPole-v1"), "full")]


def test_time_that_ends_an_episode_is_told_apart_from_its_end() -> None:
    assert lines_of(last_moment("LateClock-v0"), scene_of("LateClock-v0"), "simple")[1].mark == "time is up"
