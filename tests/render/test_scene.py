"""Players and their environments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces
from helpers.render_helpers import (
    rendered,
)

from ppo_cli.envs.shaping import ShapingParams
from ppo_cli.errors import UsageError
from ppo_cli.render.scene import Scene, check_same_env, random_scene, run_scene
from ppo_cli.runs.run_dir import RunDir

NAME = "CartPole-v1-ppo-clip-s1"


def test_chance_is_different_in_each_episode(trained_cartpole: Path) -> None:
    scene = run_scene(RunDir(trained_cartpole / "runs" / NAME), deterministic=False)
    space, obs = spaces.Discrete(2), np.zeros(4, np.float32)

    def actions(seed: int) -> list[int]:
        agent = scene.make_agent(space, seed)
        return [int(agent(obs)) for _ in range(50)]

    assert actions(1) == actions(1) != actions(2)


def test_a_random_agent_acts_and_repeats_itself(tmp_path: Path) -> None:
    rendered("--random", "--env", "CartPole-v1", cwd=tmp_path)
    first = (tmp_path / "CartPole-v1-random.gif").read_bytes()
    document = rendered("--random", "--env", "CartPole-v1", "--force", cwd=tmp_path)
    assert (tmp_path / "CartPole-v1-random.gif").read_bytes() == first
    assert document["run_dir"] is None and document["path"] == "CartPole-v1-random.gif"
    assert document["episodes"][0]["length"] > 10, "one action all the time falls sooner"


def scene_of(env_id: str, shaping: ShapingParams | None = None) -> Scene:
    scene = random_scene(env_id)
    return Scene(scene.env_id, {}, scene.make_agent, shaping or ShapingParams())


def test_environments_that_were_made_differently_are_refused(tmp_path: Path) -> None:
    plain = scene_of("Clock-v0")
    other = Scene(plain.env_id, {"hours": 12}, plain.make_agent, plain.shaping)
    with pytest.raises(UsageError, match=r"b plays Clock-v0 with env_kwargs \{'hours': 12\}"):
        check_same_env({Path("a"): plain, Path("b"): other})
