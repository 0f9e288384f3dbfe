"""The environments of all members as arrays: true to Gymnasium, independent, with honest ends."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from helpers.env_helpers import (
    CLASSIC,
    DividesByZero,
    EndsAfterThree,
    TruncatesItself,
    WithSpaces,
    play,
    random_actions,
    register,
    same_steps,
)

from ppo_cli.envs.backends import CartPoleBackend, LoopBackend
from ppo_cli.envs.choice import make_backend
from ppo_cli.envs.member_envs import make_member_envs
from ppo_cli.envs.shaping import ShapingParams
from ppo_cli.envs.step import Step
from ppo_cli.errors import PpoError, UsageError
from ppo_cli.rng import Stream, episode_seed

SHORT = {"max_episode_steps": 40}


def by_gymnasium(
    env_id: str, kwargs: dict[str, Any], seed: int, env: int, actions: np.ndarray
) -> list[tuple]:
    """One environment by ``gym.make``, with its wrappers and checks, made anew on the step after an end."""

    def start(episode: int) -> tuple[gym.Env, np.ndarray]:
        single = gym.make(env_id, **kwargs)
        return single, single.reset(seed=episode_seed(seed, Stream.EPISODE, env, episode))[0]

    single, _ = start(0)
    episode, over, seen = 0, False, []
    for action in actions:
        if over:
            episode, over = episode + 1, False
            single, obs = start(episode)
            seen.append((obs.tobytes(), 0.0, False, False, False))
            continue
        if isinstance(single.action_space, spaces.Box):
            action = np.clip(action, single.action_space.low, single.action_space.high)
        obs, reward, terminated, truncated, _ = single.step(action)
        over = terminated or truncated
        seen.append((obs.tobytes(), np.float32(reward), bool(terminated), bool(truncated), True))
    return seen


def as_seen(steps: list[Step], m: int, n: int) -> list[tuple]:
    return [
        (s.obs[m, n].tobytes(), s.rewards[m, n], s.terminated[m, n], s.truncated[m, n], s.mask[m, n])
        for s in steps
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("num_envs", [2, 5])
@pytest.mark.parametrize("env_id", CLASSIC)
def test_every_environment_gives_what_gym_make_gives(env_id: str, num_envs: int) -> None:
    envs = make_member_envs(env_id, SHORT, num_envs, [3, 4])
    envs.reset()
    actions = random_actions(envs, 130)
    steps = play(envs, actions)
    for m, seed in enumerate([3, 4]):
        for n in range(num_envs):
            assert as_seen(steps, m, n) == by_gymnasium(env_id, SHORT, seed, n, actions[:, m, n])


def test_the_registered_time_limit_holds_without_gymnasiums_wrapper() -> None:
    envs = make_member_envs("MountainCar-v0", {}, 1, [0])
    envs.reset()
    steps = play(envs, np.ones((201, 1, 1), dtype=np.int64))
    assert [t for t, s in enumerate(steps) if s.truncated.any()] == [199]
    assert not any(s.terminated.any() for s in steps)
    assert not steps[200].mask.any()
    (record,) = envs.pop_episodes()
    assert (record.length, record.terminated, record.episode_return) == (200, False, -200.0)


@pytest.mark.parametrize("kwargs", [{}, {"sutton_barto_reward": True}])
def test_cartpole_gives_the_same_bits_one_by_one_and_vectorised(
    monkeypatch: pytest.MonkeyPatch, kwargs: dict[str, Any]
) -> None:
    plays = []
    for kind in (CartPoleBackend, LoopBackend):
        monkeypatch.setattr("ppo_cli.envs.choice._CARTPOLE_FROM", 1 if kind is CartPoleBackend else 1000)
        assert type(make_backend("CartPole-v1", kwargs, 3)) is kind
        envs = make_member_envs("CartPole-v1", kwargs, 7, [1, 2, 3])
        envs.reset()
        plays.append((play(envs, random_actions(envs, 150)), envs.pop_episodes()))
    assert same_steps(plays[0][0], plays[1][0])
    assert plays[0][1] == plays[1][1]
    assert len(plays[0][1]) > 50


def test_a_column_of_vectorised_cartpole_does_not_depend_on_width_or_position() -> None:
    """SIMD loops treat the last few elements apart; sine and cosine there must give the same bits."""
    rng = np.random.default_rng(0)
    states = rng.uniform(-1, 1, (4, 300)) * np.array([[2.4], [3.0], [0.3], [3.0]])
    actions = rng.integers(0, 2, 300)

    def after_step(columns: np.ndarray) -> np.ndarray:
        vector = CartPoleVectorEnv(len(columns), max_episode_steps=100)
        vector.state = np.ascontiguousarray(states[:, columns])
        vector.step(actions[columns])
        return np.asarray(vector.state)

    whole = after_step(np.arange(300))
    for width in [*range(1, 70), 127, 128, 129, 255, 257]:
        columns = rng.permutation(300)[:width]
        assert after_step(columns).tobytes() == np.ascontiguousarray(whole[:, columns]).tobytes(), width


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1", "LunarLander-v3"])
def test_a_member_plays_the_same_alone_and_at_any_place_of_a_population(env_id: str) -> None:
    seeds = [5, 9, 2, 7]
    shaping = [ShapingParams("log")] * 4
    envs = make_member_envs(env_id, SHORT, 4, seeds, shaping)
    envs.reset()
    actions = random_actions(envs, 100)
    steps, episodes = play(envs, actions), envs.pop_episodes()
    for members in ([2], [3, 0], [1, 2, 3]):
        some = make_member_envs(env_id, SHORT, 4, [seeds[m] for m in members], shaping[: len(members)])
        some.reset()
        part = play(some, actions[:, members])
        whole = [
            Step(
                s.obs[members],
                s.rewards[members],
                s.terminated[members],
                s.truncated[members],
                s.mask[members],
            )
            for s in steps
        ]
        assert same_steps(part, whole)
        expected = [(members.index(e.member), e.env, e.components) for e in episodes if e.member in members]
        got = [(e.member, e.env, e.components) for e in some.pop_episodes()]
        assert sorted(got, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
def test_dropping_members_does_not_change_the_others(env_id: str) -> None:
    shaping = [
        ShapingParams("potential", weights={"speed": w} if env_id == "Pendulum-v1" else {})
        for w in (1, 2, 3, 4)
    ]
    whole, cut = (make_member_envs(env_id, SHORT, 3, [1, 2, 3, 4], shaping) for _ in range(2))
    whole.reset()
    cut.reset()
    actions = random_actions(whole, 120)
    play(whole, actions[:50])
    play(cut, actions[:50])
    whole.pop_episodes()
    cut.pop_episodes()
    cut.keep([3, 1])
    assert cut.num_members == 2
    steps, kept = play(whole, actions[50:]), play(cut, actions[50:, [3, 1]])
    order = [3, 1]
    expected = [
        Step(s.obs[order], s.rewards[order], s.terminated[order], s.truncated[order], s.mask[order])
        for s in steps
    ]
    assert same_steps(kept, expected)
    assert {(order[e.member], e.env, e.index, e.shaped_return) for e in cut.pop_episodes()} == {
        (e.member, e.env, e.index, e.shaped_return) for e in whole.pop_episodes() if e.member in order
    }
    progress = cut.progress()
    assert progress.member(0).actions.tobytes() == whole.progress().member(3).actions.tobytes()


def test_no_two_environments_or_members_share_a_start() -> None:
    envs = make_member_envs("CartPole-v1", {"max_episode_steps": 1}, 8, [0, 1, 2])
    first = envs.reset()
    second = play(envs, np.zeros((2, 3, 8), dtype=np.int64))[-1].obs
    starts = np.concatenate((first, second)).reshape(-1, 4)
    assert len(np.unique(starts, axis=0)) == len(starts)
    evaluation = make_member_envs("CartPole-v1", {}, 8, [0, 1, 2], stream=Stream.EVAL).reset()
    assert not np.isin(evaluation, starts).any()


def test_the_step_after_an_end_is_filler_and_its_action_is_ignored() -> None:
    env_id = register("test/EndsAfterThree-v0", EndsAfterThree, max_episode_steps=50)
    envs = make_member_envs(env_id, {}, 1, [0])
    envs.reset()
    steps = play(envs, np.array([0, 1, 0, 1, 1, 1, 1]).reshape(-1, 1, 1))
    assert [float(s.obs[0, 0, 0]) for s in steps] == [1, 2, 3, 0, 1, 2, 3]
    assert [float(s.rewards[0, 0]) for s in steps] == [1, 1, 1, 0, 1, 1, 1]
    assert [bool(s.mask[0, 0]) for s in steps] == [True] * 3 + [False] + [True] * 3
    assert [bool(s.terminated[0, 0]) for s in steps] == [False, False, True, False, False, False, True]
    assert not any(s.truncated.any() for s in steps)
    assert envs.pending_reset.all()
    records = envs.pop_episodes()
    assert [(r.index, r.length, r.episode_return, r.terminated) for r in records] == [
        (0, 3, 3.0, True),
        (1, 3, 3.0, True),
    ]
    assert envs.pop_episodes() == []


def test_truncation_by_the_environment_is_not_termination() -> None:
    env_id = register("test/TruncatesItself-v0", TruncatesItself, max_episode_steps=50)
    envs = make_member_envs(env_id, {}, 1, [0])
    envs.reset()
    last = play(envs, np.zeros((3, 1, 1), dtype=np.int64))[-1]
    assert last.truncated.all()
    assert not last.terminated.any()
    assert [r.terminated for r in envs.pop_episodes()] == [False]


def test_an_end_at_the_time_limit_keeps_both_flags_as_gymnasium_does() -> None:
    env_id = register("test/EndsAtLimit-v0", EndsAfterThree, max_episode_steps=3)
    envs = make_member_envs(env_id, {}, 1, [0])
    envs.reset()
    last = play(envs, np.zeros((3, 1, 1), dtype=np.int64))[-1]
    assert last.terminated.all()
    assert last.truncated.all()
    assert len(envs.pop_episodes()) == 1


def test_discrete_actions_reach_the_environment_from_its_own_start() -> None:
    env_id = register("test/EndsAfterThree-v0", EndsAfterThree, max_episode_steps=50)
    for env_kwargs in ({}, {"max_episode_steps": -1}):  # with and without the wrappers that are left out
        envs = make_member_envs(env_id, env_kwargs, 1, [0])
        envs.reset()
        play(envs, np.array([0, 1]).reshape(-1, 1, 1))
        backend = envs._backend
        assert isinstance(backend, LoopBackend)
        assert backend._envs[0].unwrapped.seen == [5, 6]


@pytest.mark.parametrize("env_id", ["CartPole-v1", "MountainCar-v0"])
@pytest.mark.parametrize("wrong", [-1, 3])
def test_an_action_that_does_not_exist_is_refused(env_id: str, wrong: int) -> None:
    envs = make_member_envs(env_id, {}, 8, [0])
    envs.reset()
    with pytest.raises(ValueError, match="takes actions 0 to"):
        envs.step(np.full((1, 8), wrong))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_box_actions_are_clipped_to_the_bounds_and_shaped_as_the_space(dtype: Any) -> None:
    env_id = register("test/SumsActions-v0", WithSpaces, max_episode_steps=9)
    obs, action = spaces.Box(-1, 1, (2,), np.float32), spaces.Box(-0.1, 0.3, (2, 2), dtype)
    envs = make_member_envs(env_id, {"observation_space": obs, "action_space": action}, 1, [0])
    envs.reset()
    step = envs.step(np.array([[[9.0, -9.0, 0.25, np.inf]]], dtype=np.float32))
    assert step.rewards[0, 0] == pytest.approx(0.3 - 0.1 + 0.25 + 0.3)
    assert envs.progress().actions.tolist() == [[dtype(0.3), dtype(-0.1), 0.25, dtype(0.3)]]


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
def test_inactive_environments_are_not_touched(env_id: str) -> None:
    some, every = (make_member_envs(env_id, {"max_episode_steps": 10}, 8, [1]) for _ in range(2))
    some.reset()
    every.reset()
    actions = random_actions(some, 40)
    active = np.random.default_rng(1).random((40, 1, 8)) < 0.5
    taken = np.zeros(8, dtype=int)
    for t in range(40):
        before, pending = some.obs.copy(), some.pending_reset
        step = some.step(actions[t], active[t])
        idle = ~active[t]
        assert np.array_equal(step.obs[idle], before[idle])
        assert np.array_equal(some.pending_reset[idle], pending[idle])
        assert np.array_equal(step.mask, active[t] & ~pending)
        assert not (step.rewards[~step.mask].any() or step.terminated[~step.mask].any())
        taken += active[t, 0]
    for n in range(8):  # each environment went through its own actions as if the others did not exist
        own = actions[active[:, 0, n], 0, n]
        alone = make_member_envs(env_id, {"max_episode_steps": 10}, 8, [1])
        alone.reset()
        for action in own:
            step = alone.step(np.broadcast_to(action, actions.shape[1:]).copy())
        assert np.array_equal(step.obs[0, n], some.obs[0, n])


def test_episodes_are_reported_in_the_order_of_step_member_and_environment() -> None:
    envs = make_member_envs("CartPole-v1", {}, 6, [1, 2, 3])
    envs.reset()
    ends = []
    for t, action in enumerate(random_actions(envs, 60)):
        envs.step(action)
        ends += [(t, e.member, e.env) for e in envs.pop_episodes()]
    assert ends == sorted(ends)
    assert len(ends) > 20


def test_returned_arrays_are_not_overwritten_by_later_steps() -> None:
    envs = make_member_envs("CartPole-v1", {}, 8, [1])
    envs.reset()
    actions = random_actions(envs, 50)
    steps = play(envs, actions[:25])
    copies = [
        (s.obs.copy(), s.rewards.copy(), s.terminated.copy(), s.truncated.copy(), s.mask.copy())
        for s in steps
    ]
    play(envs, actions[25:])
    assert same_steps(steps, [Step(*c) for c in copies])


def test_a_fault_in_an_environment_is_told_with_its_name() -> None:
    env_id = register("test/DividesByZero-v0", DividesByZero, max_episode_steps=9)
    envs = make_member_envs(env_id, {}, 1, [0])
    envs.reset()
    envs.step(np.zeros((1, 1), dtype=np.int64))
    with pytest.raises(UsageError, match=r"DividesByZero-v0 failed in step.*ZeroDivisionError"):
        envs.step(np.zeros((1, 1), dtype=np.int64))


def test_an_environment_that_cannot_take_its_seed_is_told_with_the_seed() -> None:
    class WantsSmallSeeds(EndsAfterThree):
        def reset(self, *, seed: int | None = None, options: Any = None):
            np.random.RandomState(seed)  # needs a seed below 2**32
            return super().reset(seed=seed, options=options)

    env_id = register("test/WantsSmallSeeds-v0", WantsSmallSeeds)
    envs = make_member_envs(env_id, {}, 1, [0])
    with pytest.raises(UsageError, match=r"WantsSmallSeeds-v0 failed in reset\(seed=\d+\): ValueError"):
        envs.reset()


def test_a_fault_in_a_constructor_is_told_with_and_without_arguments() -> None:
    class CannotBeMade(EndsAfterThree):
        def __init__(self, size: int = 0) -> None:
            raise RuntimeError("out of order")

    env_id = register("test/CannotBeMade-v0", CannotBeMade)
    with pytest.raises(
        UsageError, match=r"CannotBeMade-v0 failed in __init__\(\): RuntimeError: out of order"
    ):
        make_member_envs(env_id, {}, 1, [0])
    with pytest.raises(UsageError, match=r"refuses size=2: RuntimeError: out of order") as caught:
        make_member_envs(env_id, {"size": 2}, 1, [0])
    assert "takes: size" in (caught.value.hint or "")


def test_an_observation_of_another_shape_than_declared_is_refused() -> None:
    class Lies(WithSpaces):
        def reset(self, *, seed: int | None = None, options: Any = None):
            return np.zeros(3, dtype=np.float32), {}

    env_id = register("test/Lies-v0", Lies)
    box = spaces.Box(-1, 1, (2,), np.float32)
    envs = make_member_envs(env_id, {"observation_space": box, "action_space": box}, 1, [0])
    with pytest.raises(PpoError, match="shape"):
        envs.reset()
