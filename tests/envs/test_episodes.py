"""Exact resume: unfinished episodes come back by replay, and what does not come back is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.env_helpers import (
    CLASSIC,
    CountsGlobally,
    EndsAnywhen,
    PaysByLuck,
    play,
    random_actions,
    register,
    same_steps,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ppo_cli.envs.episodes import ActionLog, EpisodeProgress, same_bits
from ppo_cli.envs.member_envs import MemberEnvs, make_member_envs
from ppo_cli.envs.shaping import Mode, ShapingParams
from ppo_cli.envs.terms import shipped_terms

SEEDS = [11, 12, 2**32 - 1]


def shapings(env_id: str, mode: Mode) -> list[ShapingParams]:
    """Different weights, scales and discounts for each of three members."""
    kind = "box" if env_id.startswith(("Pendulum",)) or "Continuous" in env_id else "discrete"
    terms = shipped_terms(env_id, kind)
    names = terms.state_names if mode == "potential" else terms.names
    return [
        ShapingParams(
            mode, scale=m + 0.5, weights={name: 0.1 * (k + m + 1) for k, name in enumerate(names)}, gamma=0.9
        )
        for m in range(3)
    ]


def make(env_id: str, mode: Mode, **env_kwargs: object) -> MemberEnvs:
    shaping = None if mode == "off" else shapings(env_id, mode)
    return make_member_envs(env_id, env_kwargs, 3, SEEDS, shaping)


CASES = [
    (env_id, mode)
    for env_id in CLASSIC
    for mode in ("off", "add", "potential")
    if mode == "off" or "Walker" not in env_id
]


@pytest.mark.parametrize(("env_id", "mode"), CASES)
def test_a_restored_environment_goes_on_bit_for_bit(env_id: str, mode: Mode) -> None:
    before = 70 if "Walker" in env_id else 130
    kwargs = {"max_episode_steps": 45}
    running = make(env_id, mode, **kwargs)
    running.reset()
    actions = random_actions(running, before + 50)
    play(running, actions[:before])
    running.pop_episodes()

    progress = EpisodeProgress.from_tensors(running.progress().tensors())
    resumed = make(env_id, mode, **kwargs)
    report = resumed.restore(progress)

    assert report.message is None
    assert report.exact.all()
    assert report.exact.shape == (3, 3)
    assert resumed.obs.tobytes() == running.obs.tobytes()
    assert np.array_equal(resumed.pending_reset, running.pending_reset)
    assert resumed.pop_episodes() == []
    assert same_steps(play(resumed, actions[before:]), play(running, actions[before:]))
    episodes = running.pop_episodes()
    assert len(episodes) >= 9  # everyone meets the limit of 45 steps
    assert resumed.pop_episodes() == episodes
    again, expected = resumed.progress().tensors(), running.progress().tensors()
    assert {name: a.tobytes() for name, a in again.items()} == {
        name: a.tobytes() for name, a in expected.items()
    }


@settings(max_examples=25)
@given(steps=st.integers(0, 80), num_envs=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
def test_cartpole_can_be_stopped_at_any_step(steps: int, num_envs: int, seed: int) -> None:
    """Also on the step that ends an episode, on the filler after it, and before the first step."""
    running = make_member_envs("CartPole-v1", {}, num_envs, [seed])
    running.reset()
    actions = random_actions(running, steps + 25, seed)
    play(running, actions[:steps])
    running.pop_episodes()
    resumed = make_member_envs("CartPole-v1", {}, num_envs, [seed])
    assert resumed.restore(running.progress()).exact.all()
    assert same_steps(play(resumed, actions[steps:]), play(running, actions[steps:]))
    assert resumed.pop_episodes() == running.pop_episodes()


def test_a_used_environment_can_be_restored_too() -> None:
    running, used = make("LunarLander-v3", "add"), make("LunarLander-v3", "add")
    running.reset()
    used.reset()
    actions = random_actions(running, 200)
    play(used, actions)
    play(running, actions[:90])
    running.pop_episodes()
    assert used.restore(running.progress()).exact.all()
    assert same_steps(play(used, actions[90:]), play(running, actions[90:]))
    assert used.pop_episodes() == running.pop_episodes()


def test_progress_is_restored_member_by_member_in_any_order() -> None:
    running = make("CartPole-v1", "potential")
    running.reset()
    actions = random_actions(running, 100)
    play(running, actions[:60])
    progress = running.progress()
    order = [2, 0]
    picked = EpisodeProgress.stack([progress.member(m) for m in order])
    shaping = shapings("CartPole-v1", "potential")
    resumed = make_member_envs("CartPole-v1", {}, 3, [SEEDS[m] for m in order], [shaping[m] for m in order])
    assert resumed.restore(picked).exact.all()
    whole, part = play(running, actions[60:]), play(resumed, actions[60:, order])
    assert all(np.array_equal(w.rewards[order], p.rewards) for w, p in zip(whole, part, strict=True))
    all_of_it = EpisodeProgress.stack([progress.member(m) for m in range(3)])
    assert all_of_it.actions.tobytes() == progress.actions.tobytes()


@pytest.mark.parametrize(("name", "env"), [("CountsGlobally", CountsGlobally), ("PaysByLuck", PaysByLuck)])
def test_an_environment_that_is_not_deterministic_is_noticed_and_starts_a_new_episode(
    name: str, env: type
) -> None:
    env_id = register(f"test/{name}-v0", env, max_episode_steps=30)
    running = make_member_envs(env_id, {}, 2, [1, 2])
    running.reset()
    play(running, random_actions(running, 40))
    progress = running.progress()
    resumed = make_member_envs(env_id, {}, 2, [1, 2])
    report = resumed.restore(progress)
    assert not report.exact.any()
    assert report.message is not None
    assert env_id in report.message
    assert "not deterministic" in report.message
    after = resumed.progress()
    assert np.array_equal(after.index, progress.index + 1)
    assert not after.lengths.any()
    assert not after.returns.any()
    assert not resumed.pending_reset.any()
    assert resumed.step(np.zeros((2, 2), dtype=np.int64)).mask.all()


@pytest.mark.parametrize("ends_at_replay", [3, 9])
def test_an_end_that_is_not_deterministic_is_noticed(
    monkeypatch: pytest.MonkeyPatch, ends_at_replay: int
) -> None:
    env_id = register("test/EndsAnywhen-v0", EndsAnywhen, max_episode_steps=30)
    running, resumed = (make_member_envs(env_id, {}, 1, [1]) for _ in range(2))
    running.reset()
    play(running, np.zeros((5, 1, 1), dtype=np.int64))
    assert running.pending_reset.all()
    monkeypatch.setattr(EndsAnywhen, "last", ends_at_replay)
    assert not resumed.restore(running.progress()).exact.any()


def test_only_what_differs_starts_anew() -> None:
    running = make("CartPole-v1", "potential")
    running.reset()
    actions = random_actions(running, 62)
    play(running, actions[:12])
    tensors = running.progress().tensors()
    tensors["obs"][1, 2, 0] = np.nextafter(tensors["obs"][1, 2, 0], np.float32(1))  # one bit
    resumed = make("CartPole-v1", "potential")
    report = resumed.restore(EpisodeProgress.from_tensors(tensors))
    expected = np.ones((3, 3), dtype=bool)
    expected[1, 2] = False
    assert np.array_equal(report.exact, expected)
    assert np.array_equal(resumed.progress().index != tensors["index"], ~expected)
    for a in actions[12:]:
        got, want = resumed.step(a), running.step(a)
        assert np.array_equal(got.rewards[expected], want.rewards[expected])


def test_an_episode_that_ends_earlier_than_saved_is_noticed() -> None:
    """As when another version of an environment is installed."""
    running = make_member_envs("CartPole-v1", {}, 8, [1])
    running.reset()
    play(running, np.tile([0, 1], 10)[:, None, None].repeat(8, axis=2))
    tensors = running.progress().tensors()
    tensors["actions"][:] = 0  # falls within about ten steps
    assert (tensors["lengths"] == 20).all()
    resumed = make_member_envs("CartPole-v1", {}, 8, [1])
    report = resumed.restore(EpisodeProgress.from_tensors(tensors))
    assert not report.exact.any()
    assert resumed.pop_episodes() == []
    assert (resumed.progress().index == 1).all()


def test_progress_of_another_shape_is_refused() -> None:
    running = make("CartPole-v1", "off")
    running.reset()
    progress = running.progress()
    with pytest.raises(ValueError, match="cannot go on"):
        make_member_envs("CartPole-v1", {}, 2, SEEDS).restore(progress)
    with pytest.raises(ValueError, match="cannot go on"):
        make("Acrobot-v1", "off").restore(progress)
    for name in ("actions", "lengths", "ended", "obs"):
        tensors = progress.tensors()
        tensors[name] = np.ones((1, *tensors[name].shape[1:]), dtype=tensors[name].dtype)
        with pytest.raises(ValueError, match=r"fit together|actions saved"):
            EpisodeProgress.from_tensors(tensors)


def test_nothing_is_saved_before_the_first_step() -> None:
    for env_id, shape, dtype in (("CartPole-v1", (0,), np.int64), ("BipedalWalker-v3", (0, 4), np.float32)):
        envs = make_member_envs(env_id, {}, 1, [0])
        envs.reset()
        actions = envs.progress().actions
        assert (actions.shape, actions.dtype) == (shape, dtype)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["step", "restart", "idle"])), max_size=80))
def test_the_log_of_actions_is_a_list_per_environment(events: list[tuple[bool, str]]) -> None:
    """Against the obvious model, trimming all the time."""
    log, model = ActionLog(2, trim_at=1), ([], [])
    for t, (row, event) in enumerate(events):
        mask = np.array([event == "step" or not row, event == "step" or row]) & (event != "idle")
        log.append(np.array([t, -t]), mask)
        for r in (0, 1):
            if mask[r]:
                model[r].append(t if r == 0 else -t)
        if event == "restart":
            log.restart(int(row))
            model[int(row)].clear()
    assert log.since_reset(np.zeros(0, dtype=np.int64)).tolist() == model[0] + model[1]


def test_the_log_forgets_what_nobody_needs() -> None:
    log = ActionLog(2, trim_at=8)
    for t in range(1000):
        log.append(np.array([t, t]), np.array([True, True]))
        log.restart(t % 2)
    assert len(log._actions) < 20


def test_equal_bits_means_nan_equals_itself_and_zeros_of_two_signs_differ() -> None:
    a = np.array([[np.nan], [0.0], [1.0]])
    assert same_bits(a, np.array([[np.nan], [-0.0], [1.0]])).tolist() == [True, False, True]
    assert not same_bits(a, a.astype(np.float32)).any()
