"""Which environments kernels play: Gymnasium's own, and none that a user wrote, wrapped or made unusual."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control import CartPoleEnv
from helpers.env_helpers import EndsAfterThree, play, random_actions, register, same_steps
from helpers.kernel_cases import some_library

from ppo_cli.envs.choice import make_backend
from ppo_cli.envs.compiled import CompiledBackend
from ppo_cli.envs.member_envs import MemberEnvs, make_member_envs
from ppo_cli.envs.shaping import ShapingParams

COMPILED: list[tuple[str, dict[str, Any]]] = [
    ("CartPole-v1", {}),
    ("CartPole-v0", {}),
    ("CartPole-v1", {"sutton_barto_reward": True, "max_episode_steps": 30}),
    ("Pendulum-v1", {"g": 9.81}),
    ("Acrobot-v1", {}),
    ("MountainCar-v0", {"goal_velocity": 0.01}),
    ("MountainCarContinuous-v0", {}),
]


class HeavyCartPole(CartPoleEnv):
    """A user's own: all that it says of itself is CartPole's."""

    def step(self, action: Any):
        obs, _, terminated, truncated, info = super().step(action)
        return obs, 2.0, terminated, truncated, info


class Halved(gym.ObservationWrapper[np.ndarray, Any, np.ndarray]):
    def observation(self, observation: np.ndarray) -> np.ndarray:
        return (observation / 2).astype(np.float32)


def wrapped() -> gym.Env[Any, Any]:
    return Halved(CartPoleEnv())


def heavy() -> str:
    return register("HeavyCartPole-v0", HeavyCartPole, max_episode_steps=30)


def in_a_wrapper() -> str:
    return register("HalvedCartPole-v0", wrapped, max_episode_steps=30)


def made(env_id: str, kwargs: dict[str, Any], compiled: bool, **more: Any) -> MemberEnvs:
    envs = make_member_envs(env_id, kwargs, 3, [1, 2], compiled=compiled, **more)
    envs.reset()
    return envs


@pytest.mark.parametrize(("env_id", "kwargs"), COMPILED)
def test_gymnasiums_own_are_played_by_kernels_step_by_step_to_the_same_bits(
    env_id: str, kwargs: dict[str, Any]
) -> None:
    some_library()
    ours, theirs = made(env_id, kwargs, True), made(env_id, kwargs, False)
    assert ours.can_play and not theirs.can_play
    assert ours.spec == theirs.spec
    actions = random_actions(ours, 90)
    assert same_steps(play(ours, actions), play(theirs, actions))
    assert ours.pop_episodes() == theirs.pop_episodes()


@pytest.mark.parametrize("make", [heavy, in_a_wrapper, lambda: register("EndsAfterThree-v0", EndsAfterThree)])
def test_a_users_environment_and_a_wrapped_one_are_stepped_as_they_are(make: Any) -> None:
    some_library()
    ours, theirs = made(make(), {}, True), made(make(), {}, False)
    assert not ours.can_play
    actions = random_actions(ours, 40)
    assert same_steps(play(ours, actions), play(theirs, actions))


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        ("LunarLander-v3", {}),
        ("LunarLanderContinuous-v3", {}),
        ("Pendulum-v1", {"g": 1e9}),
        ("CartPole-v1", {"max_episode_steps": -1}),
    ],
)
def test_what_the_kernels_do_not_know_they_leave_to_gymnasium(env_id: str, kwargs: dict[str, Any]) -> None:
    some_library()
    assert not made(env_id, kwargs, True).can_play


def test_kernels_step_and_play_an_environment_whose_reward_is_shaped() -> None:
    some_library()
    shaping = [ShapingParams(mode="add", weights={"position": 2.0})] * 2
    ours, theirs = (made("CartPole-v1", {}, compiled, shaping=shaping) for compiled in (True, False))
    assert ours.can_play
    assert isinstance(make_backend("CartPole-v1", {}, 3, compiled=True), CompiledBackend)
    actions = random_actions(ours, 60)
    assert same_steps(play(ours, actions), play(theirs, actions))
    assert ours.pop_episodes() == theirs.pop_episodes()


def test_where_an_id_was_registered_anew_the_new_environment_is_stepped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some_library()
    spec = gym.envs.registration.EnvSpec("CartPole-v1", entry_point=HeavyCartPole, max_episode_steps=30)
    monkeypatch.setitem(gym.registry, "CartPole-v1", spec)
    assert not made("CartPole-v1", {}, True).can_play
