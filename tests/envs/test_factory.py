"""How an environment is made, and what is said of one that cannot be trained on."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from gymnasium import spaces
from helpers.env_helpers import WithSpaces, register

from ppo_cli.envs.factory import env_spec, make_env
from ppo_cli.errors import UsageError

PAIR = spaces.Box(-1, 1, (2,), np.float32)


def test_thresholds_and_limits_are_gymnasiums() -> None:
    spec = env_spec("LunarLander-v3")
    assert (spec.obs_size, spec.max_episode_steps, spec.reward_threshold) == (8, 1000, 200)
    assert (spec.action.kind, spec.action.size) == ("discrete", 4)
    spec = env_spec("Pendulum-v1")
    assert (spec.action.kind, spec.action.low, spec.action.high) == ("box", (-2.0,), (2.0,))
    assert spec.reward_threshold is None


def test_a_time_limit_can_be_set_by_env_kwargs() -> None:
    assert env_spec("CartPole-v1", {"max_episode_steps": 7}).max_episode_steps == 7


def test_an_environment_for_training_has_no_render_mode() -> None:
    env_id = register(
        "test/Draws-v0", "gymnasium.envs.classic_control:PendulumEnv", kwargs={"render_mode": "rgb_array"}
    )
    assert make_env(env_id).render_mode is None
    assert make_env(env_id, render_mode="rgb_array").render_mode == "rgb_array"


def test_an_old_version_that_exists_is_made_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_env("CartPole-v0").close()


@pytest.mark.parametrize(
    ("env_kwargs", "named"),
    [
        ({"gravty": -5.0}, "gravty"),
        ({"gravity": 5.0}, "gravity"),
        ({"gravity": "much"}, "gravity"),
        ({"max_episode_steps": "ten"}, "max_episode_steps"),
        ({"render_mode": "human"}, "render_mode"),
    ],
)
def test_a_wrong_argument_of_the_environment_names_env_kwargs(
    env_kwargs: dict[str, object], named: str
) -> None:
    with pytest.raises(UsageError, match="env_kwargs") as caught:
        make_env("LunarLander-v3", env_kwargs)
    assert named in caught.value.message
    assert caught.value.key is not None
    assert caught.value.key.startswith("env_kwargs")


def test_the_arguments_that_an_environment_takes_are_listed() -> None:
    with pytest.raises(UsageError) as caught:
        make_env("LunarLander-v3", {"wind": 1})
    assert caught.value.hint is not None
    assert "wind_power" in caught.value.hint
    assert "render_mode" not in caught.value.hint


@pytest.mark.parametrize(
    ("space", "size"),
    [
        (spaces.Discrete(4), 4),
        (spaces.MultiBinary(3), 3),
        (spaces.MultiDiscrete([2, 3]), 5),
        (spaces.Box(-1, 1, (2, 3), np.float64), 6),
        (spaces.Dict({"a": PAIR, "b": spaces.Discrete(3)}), 5),
        (spaces.Tuple((PAIR, PAIR)), 4),
    ],
)
def test_an_observation_that_can_be_flattened_is(space: spaces.Space, size: int) -> None:
    env_id = register(f"test/Flat{type(space).__name__}-v0", WithSpaces)
    env = make_env(env_id, {"observation_space": space, "action_space": spaces.Discrete(2)})
    obs, _ = env.reset(seed=0)
    assert obs.shape == (size,)


@pytest.mark.parametrize(
    ("obs", "action", "named"),
    [
        (spaces.Box(0, 255, (8, 8, 3), np.uint8), spaces.Discrete(2), "image"),
        (spaces.Box(0, 255, (8, 8), np.uint8), spaces.Discrete(2), "image"),
        (spaces.Box(0, 1, (3, 8, 8), np.float32), spaces.Discrete(2), "image"),
        (spaces.Dict({"a": PAIR, "b": spaces.Box(0, 1, (3, 8, 8), np.float32)}), spaces.Discrete(2), "image"),
        (spaces.Sequence(PAIR), spaces.Discrete(2), "Sequence"),
        (spaces.Dict({"a": spaces.Sequence(PAIR)}), spaces.Discrete(2), "Dict"),
        (PAIR, spaces.MultiDiscrete([2, 3]), "MultiDiscrete"),
        (PAIR, spaces.MultiBinary(3), "MultiBinary"),
        (PAIR, spaces.Box(0, 9, (1,), np.int64), "Box"),
        (PAIR, spaces.Dict({"a": PAIR}), "Dict"),
    ],
)
def test_unsupported_spaces_are_refused_by_name(obs: spaces.Space, action: spaces.Space, named: str) -> None:
    env_id = register("test/Refused-v0", WithSpaces)
    with pytest.raises(UsageError, match=named) as caught:
        make_env(env_id, {"observation_space": obs, "action_space": action})
    assert env_id in caught.value.message
    assert caught.value.hint is not None
    assert "Discrete" in caught.value.hint


def test_the_car_race_with_its_images_is_refused() -> None:
    with pytest.raises(UsageError, match="image") as caught:
        env_spec("CarRacing-v3")
    assert "image policies are out of scope" in caught.value.hint


@pytest.mark.parametrize(("module", "package"), [("Box2D", "box2d"), ("pygame", "pygame-ce")])
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, module: str, package: str
) -> None:
    for name in [m for m in sys.modules if m.startswith("gymnasium.envs.box2d")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=f"LunarLander-v3 needs {module}") as caught:
        make_env("LunarLander-v3")
    assert caught.value.hint is not None
    assert f"pip install {package}" in caught.value.hint
