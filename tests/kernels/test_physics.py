"""The compiled environments are Gymnasium's, to the bit, in every build."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from ppo_cli.kernels.agreement import compiled_environments
from ppo_cli.kernels.environments import CompiledEnvironments, Kind, compiled_kind
from ppo_cli.kernels.library import Library

IDS = ("CartPole-v1", "Pendulum-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0")
ALWAYS = np.ones(1, np.bool_)
Builds = dict[str, ctypes.CDLL]


@dataclass
class Ends:
    terminated: int = 0
    truncated: int = 0


def play_side_by_side(
    lib: ctypes.CDLL, env_id: str, steps: int, limit: int | None = None, **arguments: Any
) -> Ends:
    """Compare every number of every step, and of the resets between episodes: one in three has a seed."""
    env = gym.make(env_id, max_episode_steps=limit, disable_env_checker=True, **arguments)
    assert env.spec is not None
    kind, argument = found_kind(env_id, **arguments)
    ours = CompiledEnvironments(lib, kind, 1, argument, env.spec.max_episode_steps or 0)
    obs, choices, ends, episode = (
        np.zeros((1, kind.obs_size), np.float32),
        np.random.default_rng(1),
        Ends(),
        0,
    )
    reset_both(env, ours, obs, seed=0)
    for step in range(steps):
        action = one_action(kind, obs[0], choices, clever=episode % 2 == 1)
        expected = env.step(int(action[0]) if kind.num_actions else action[0])
        rewards, terminated, truncated = ours.step(action, ALWAYS, obs)
        assert same_bits(expected[0], obs[0]), f"observation after {step} steps"
        assert same_bits(np.float64(expected[1]), rewards[0]), f"reward after {step} steps"
        assert (expected[2], expected[3]) == (terminated[0], truncated[0])
        if terminated[0] or truncated[0]:
            ends.terminated += bool(terminated[0])
            ends.truncated += bool(truncated[0])
            episode += 1
            reset_both(env, ours, obs, seed=None if episode % 3 else 2**33 * episode)
    return ends


def found_kind(env_id: str, **arguments: Any) -> tuple[Kind, float]:
    found = compiled_kind(gym.spec(env_id).entry_point, arguments)
    assert not isinstance(found, str), found
    return found


def reset_both(env: gym.Env[Any, Any], ours: CompiledEnvironments, obs: Any, seed: int | None) -> None:
    expected, _ = env.reset(seed=seed)
    ours.reset([0], None if seed is None else [seed], obs)
    assert same_bits(expected, obs[0]), f"first observation of seed {seed}"


def one_action(kind: Kind, obs: Any, choices: np.random.Generator, clever: bool) -> Any:
    """A random one, sometimes beyond the bounds, or a clever one: with the swing, or under the pole."""
    with_swing = obs[2] + 0.3 * obs[3] + 0.1 * obs[1] if kind.obs_size == 4 else obs[-1]
    if kind.num_actions is None:
        force = np.copysign(choices.uniform(0.7, 1.1), with_swing) if clever else choices.uniform(-3.0, 3.0)
        return np.array([[force]], np.float32)
    return np.array(
        [(kind.num_actions - 1) * (with_swing > 0) if clever else choices.integers(kind.num_actions)]
    )


def same_bits(a: Any, b: Any) -> bool:
    return bool(a.dtype == b.dtype and a.tobytes() == b.tobytes())


@pytest.mark.parametrize("env_id", IDS)
def test_every_step_and_every_start_is_gymnasiums(builds: Builds, env_id: str) -> None:
    for lib in builds.values():
        play_side_by_side(lib, env_id, 2_500)


@pytest.mark.slow
@pytest.mark.parametrize("env_id", IDS)
def test_a_hundred_thousand_steps_are_gymnasiums(builds: Builds, env_id: str) -> None:
    for lib in builds.values():
        ends = play_side_by_side(lib, env_id, 100_000)
        assert ends.truncated > 0
        assert (ends.terminated > 0) == (env_id != "Pendulum-v1")


@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [
        ("CartPole-v1", {"sutton_barto_reward": True}),
        ("CartPole-v1", {"limit": 7}),
        ("Pendulum-v1", {"g": 3}),
        ("Pendulum-v1", {"g": 9.81}),
        ("MountainCar-v0", {"goal_velocity": 0.02}),
        ("MountainCarContinuous-v0", {"goal_velocity": 0.1}),
    ],
)
def test_an_argument_changes_both_alike(library: Library, env_id: str, arguments: dict[str, Any]) -> None:
    play_side_by_side(library.functions, env_id, 600, **arguments)


@pytest.mark.parametrize("env_id", IDS)
def test_a_row_is_what_it_is_alone_and_rests_where_it_is_masked(library: Library, env_id: str) -> None:
    kind, _ = found_kind(env_id)
    together, alone = (CompiledEnvironments(library.functions, kind, rows) for rows in (5, 1))
    all_obs, obs = np.zeros((5, kind.obs_size), np.float32), np.zeros((1, kind.obs_size), np.float32)
    together.reset([4, 0, 3, 1, 2], [14, 10, 13, 11, 12], all_obs)
    alone.reset([0], [13], obs)
    choices = np.random.default_rng(0)
    for step in range(40):
        actions = np.concatenate([one_action(kind, row, choices, clever=False) for row in all_obs])
        mask = np.arange(5) != step % 5
        before = together.state.copy(), all_obs.copy()
        rewards, _, _ = together.step(actions, mask, all_obs)
        assert same_bits(together.state[~mask], before[0][~mask]) and same_bits(
            all_obs[~mask], before[1][~mask]
        )
        assert (rewards[~mask] == 0).all()
        if mask[3]:
            alone.step(actions[3:4], ALWAYS, obs)
        assert same_bits(alone.state[0], together.state[3]) and same_bits(obs[0], all_obs[3])
    together.keep([3, 1])
    assert same_bits(together.state[0], alone.state[0]) and together.lengths.tolist() == [32, 32]


@pytest.mark.parametrize("env_id", IDS)
def test_a_state_that_is_none_ends_in_numbers_and_not_in_a_loop(builds: Builds, env_id: str) -> None:
    kind, _ = found_kind(env_id)
    seen = []
    for lib in builds.values():
        environments = CompiledEnvironments(lib, kind, 4)
        environments.state[:] = np.array([np.nan, np.inf, -1e300, 1e9])[:, None]
        obs = np.zeros((4, kind.obs_size), np.float32)
        actions = np.zeros(4, np.int64) if kind.num_actions else np.full((4, 1), np.nan, np.float32)
        environments.step(actions, np.ones(4, np.bool_), obs)
        seen.append(np.nan_to_num(environments.state).tobytes())
    assert len(set(seen)) == 1


def test_no_environments_are_stepped_to_nothing(library: Library) -> None:
    kind, _ = found_kind("CartPole-v1")
    environments = CompiledEnvironments(library.functions, kind, 0)
    obs = np.zeros((0, 4), np.float32)
    environments.reset([], [], obs)
    rewards, terminated, truncated = environments.step(np.zeros(0, np.int64), np.zeros(0, np.bool_), obs)
    assert rewards.size == terminated.size == truncated.size == 0


@pytest.mark.parametrize(
    ("rows", "seeds", "actions", "reason"),
    [
        ([2], [0], [0, 1], "no rows"),
        ([0, 1], [0], [0, 1], "1 seeds for 2"),
        ([0], [0], [0, 2], "actions are 0 to 1"),
        ([0], [0], [0, -1], "actions are 0 to 1"),
        ([0], [0], [0], "actions of shape"),
    ],
)
def test_what_does_not_fit_is_refused_before_c_sees_it(
    library: Library, rows: list[int], seeds: list[int], actions: list[int], reason: str
) -> None:
    kind, _ = found_kind("CartPole-v1")
    environments, obs = CompiledEnvironments(library.functions, kind, 2), np.zeros((2, 4), np.float32)
    with pytest.raises(ValueError, match=reason):
        environments.reset(rows, seeds, obs)
        environments.step(np.array(actions), np.ones(2, np.bool_), obs)


@pytest.mark.parametrize(
    ("env_id", "arguments", "reason"),
    [
        ("LunarLander-v3", {}, "not among the compiled"),
        ("CartPole-v1", {"length": 2.0}, "does not take length"),
        ("Pendulum-v1", {"g": float("nan")}, "does not take g=nan"),
        ("Pendulum-v1", {"g": "10"}, "does not take g='10'"),
        ("Acrobot-v1", {"goal_velocity": 0.1}, "does not take goal_velocity"),
    ],
)
def test_what_is_not_compiled_is_said_in_words(env_id: str, arguments: dict[str, Any], reason: str) -> None:
    found = compiled_kind(gym.spec(env_id).entry_point, arguments)
    assert isinstance(found, str) and reason in found


@pytest.mark.parametrize("env_id", IDS)
def test_what_takes_an_environments_place_was_compared_with_it(library: Library, env_id: str) -> None:
    entry_point = gym.spec(env_id).entry_point
    found = compiled_environments(library, entry_point, {}, num_rows=3, step_limit=None)
    assert isinstance(found, CompiledEnvironments) and len(found.state) == 3


def test_an_environment_that_differs_here_takes_no_place(
    library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    entry_point = gym.spec("Pendulum-v1").entry_point
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("gymnasium.envs.classic_control.pendulum.DEFAULT_X", 3.0)
    for _ in range(2):  # found, then remembered
        found = compiled_environments(library, entry_point, {}, num_rows=3, step_limit=None)
        assert found == "Pendulum starts differently from Gymnasium's on this machine"
        monkeypatch.undo()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
