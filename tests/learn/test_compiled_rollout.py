"""Rollouts that kernels play in one go: what Python collects step by step, to the last bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.compiled_play import (
    NUM_STEPS,
    PLAYED,
    SEEDS,
    Play,
    make_play,
    policy,
    progress_bytes,
    records_of,
    rollout_bytes,
    step_by_step,
)

from ppo_cli.envs.episodes import EpisodeRecord
from ppo_cli.envs.terms import shipped_terms
from ppo_cli.learn.rollout import KEPT, Rollout

GROUPS = {"algorithm": "grpo", "group_size": 2}


def settings_of(whole: bool) -> dict[str, Any]:
    return GROUPS if whole else {}


def same_rollout(
    ours: Play, theirs: Play, iteration: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> tuple[Rollout, list[EpisodeRecord]]:
    """Play in one go and step by step, and hold one to the other: a rollout and the episodes that ended."""
    got = ours.collect(iteration, NUM_STEPS, SEEDS, whole=whole)
    with monkeypatch.context() as patch:
        step_by_step(patch)
        wanted = theirs.collect(iteration, NUM_STEPS, SEEDS, whole=whole)
    assert rollout_bytes(got) == rollout_bytes(wanted)
    records = ours.envs.pop_episodes()
    assert records == theirs.envs.pop_episodes()
    return got, records


@pytest.mark.parametrize("normalize", [False, True], ids=["plain", "normalised"])
@pytest.mark.parametrize("whole", [False, True], ids=["steps", "whole episodes in groups"])
@pytest.mark.parametrize(("env_id", "own"), PLAYED.values(), ids=PLAYED)
def test_every_number_of_rollouts_in_a_row_is_that_of_the_loop_in_python(
    env_id: str, own: dict[str, Any], whole: bool, normalize: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = (make_play(env_id, own, normalize=normalize, **settings_of(whole)) for _ in range(2))
    ended = 0
    for iteration in range(3):
        got, records = same_rollout(ours, theirs, iteration, whole, monkeypatch)
        assert progress_bytes(ours.envs) == progress_bytes(theirs.envs)
        assert not whole or got.idle.any()
        ended += len(records)
        ours.params = theirs.params = torch.cat([policy(ours.agent, seed + iteration) for seed in SEEDS])
    assert ended > 10


@pytest.mark.parametrize("mode", ["log", "add", "replace", "potential"])
@pytest.mark.parametrize("whole", [False, True], ids=["steps", "whole episodes in groups"])
@pytest.mark.parametrize(
    "name", ["cartpole", "acrobot", "mountain car", "pendulum", "continuous mountain car"]
)
def test_shaped_rewards_are_those_of_the_loop_in_python_and_so_is_what_is_recorded(
    name: str, whole: bool, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_id, own = PLAYED[name]
    terms = shipped_terms(env_id, "discrete" if name in ("cartpole", "acrobot", "mountain car") else "box")
    weighted = terms.state_names if mode == "potential" else terms.names
    weights = {f"reward_shaping.{term}": 0.3 - 0.7 * place for place, term in enumerate(weighted)}
    shaping = {"reward_shaping.mode": mode} | (weights if mode != "log" else {})
    ours, theirs = (make_play(env_id, own | shaping, **settings_of(whole)) for _ in range(2))
    for iteration in range(3):
        _, records = same_rollout(ours, theirs, iteration, whole, monkeypatch)
        assert records and all(set(record.components) == set(terms.names) for record in records)
        assert any(record.shaped_return != record.episode_return for record in records) == (mode != "log")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize(("env_id", "own"), PLAYED.values(), ids=PLAYED)
def test_a_policy_that_diverged_sends_what_the_loop_in_python_sends(
    env_id: str, own: dict[str, Any], wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = (make_play(env_id, own, normalize=True) for _ in range(2))
    for play in (ours, theirs):
        play.params[1, 3::7] = wrong
        play.params[2, -1] = wrong
    got = ours.collect(0, 30, SEEDS, whole=False)
    with monkeypatch.context() as patch:
        step_by_step(patch)
        wanted = theirs.collect(0, 30, SEEDS, whole=False)
    for name in ("raw_obs", "rewards", "terminated", "truncated", "mask", "idle"):
        assert torch.equal(getattr(got, name), getattr(wanted, name)), name
    assert torch.isfinite(got.raw_obs).all()
    assert progress_bytes(ours.envs) == progress_bytes(theirs.envs)


# ---------------------------------------------------------------------- members, threads, resuming

SOME = ("cartpole", "acrobot", "pendulum, squashed", "continuous mountain car, Beta")
some = pytest.mark.parametrize(("env_id", "own"), [PLAYED[name] for name in SOME], ids=SOME)
either = pytest.mark.parametrize("whole", [False, True], ids=["steps", "whole episodes in groups"])


def played(play: Play, seeds: tuple[int, ...], whole: bool, member: int, first: int = 0) -> list[Any]:
    """All that two rollouts, from the given one on, come to for one member."""
    found: list[Any] = []
    for iteration in (first, first + 1):
        rollout = play.collect(iteration, NUM_STEPS, seeds, whole=whole)
        own = {name: getattr(rollout, name)[member : member + 1] for name in KEPT}
        found.append(rollout_bytes(replace(rollout, **own)))
        found.append(records_of(play.envs, member))
        found.append(progress_bytes(play.envs, member))
    return found


@either
@some
def test_a_members_rollouts_are_the_same_alone_at_any_place_and_with_any_number_of_threads(
    env_id: str, own: dict[str, Any], whole: bool
) -> None:
    def member(seeds: tuple[int, ...], at: int, num_threads: int = 1) -> list[Any]:
        settings = settings_of(whole) | {"num_threads": num_threads}
        return played(make_play(env_id, own, seeds=seeds, **settings), seeds, whole, at)

    alone = member(SEEDS[:1], 0)
    assert any(records for records in alone[1::3])
    assert member(SEEDS, 0) == member(SEEDS[::-1], 2) == member(SEEDS, 0, num_threads=2) == alone
    assert member(SEEDS, 1) == member(SEEDS, 1, num_threads=3) == member(SEEDS[1:2], 0) != alone


@either
@some
def test_rollouts_go_on_without_members_that_were_dropped(
    env_id: str, own: dict[str, Any], whole: bool
) -> None:
    full, fewer = (make_play(env_id, own, **settings_of(whole)) for _ in range(2))
    for play in (full, fewer):
        play.collect(0, NUM_STEPS, SEEDS, whole=whole)
        play.envs.pop_episodes()
    fewer.envs.keep([2, 1])
    fewer.params = fewer.params[[2, 1]]
    left = (SEEDS[2], SEEDS[1])
    assert played(fewer, left, whole, 0, first=1) == played(full, SEEDS, whole, 2, first=1)


@either
@some
def test_rollouts_go_on_from_a_checkpoint_to_the_last_bit(
    env_id: str, own: dict[str, Any], whole: bool
) -> None:
    undisturbed, resumed = (make_play(env_id, own, **settings_of(whole)) for _ in range(2))
    undisturbed.collect(0, NUM_STEPS, SEEDS, whole=whole)
    undisturbed.envs.pop_episodes()
    report = resumed.envs.restore(undisturbed.envs.progress())
    assert report.message is None
    assert played(resumed, SEEDS, whole, 1, first=1) == played(undisturbed, SEEDS, whole, 1, first=1)


def test_what_a_rollout_holds_is_not_changed_by_the_next_one() -> None:
    play = make_play("CartPole-v1", {})
    first = play.collect(0, NUM_STEPS, SEEDS, whole=False)
    before = rollout_bytes(first)
    play.collect(1, NUM_STEPS, SEEDS, whole=False)
    assert rollout_bytes(first) == before
