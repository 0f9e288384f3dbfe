"""Rollouts of whole episodes: none is cut, none is preferred for being short, groups start alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from helpers.probe_envs import ConstantValue
from helpers.training_helpers import make_config, population

from ppo_cli.config.dump import dump_config
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.episodes import EpisodeRecord
from ppo_cli.errors import UsageError
from ppo_cli.learn.build import open_population
from ppo_cli.learn.rollout import Rollout
from ppo_cli.learn.trainer import collect, learn, train, update_statistics
from ppo_cli.prepare.launch import prepare_in_folder, prepare_new, prepare_resume
from ppo_cli.runs.run_dir import create_run_dir

LIMIT = 30
SHORT = {"env_kwargs": {"max_episode_steps": LIMIT}, "num_minibatches": 1}


def collected(
    iterations: int = 1, configs: list[Any] | None = None, **settings: Any
) -> list[tuple[Rollout, list[EpisodeRecord]]]:
    """Rollouts of CartPole, whose episodes last 30 steps at most, with the episodes that ended in each."""
    values = {"algorithm": "reinforce", "num_envs": 4, "num_steps": 100, **SHORT, **settings}
    found = []
    with open_population(population(configs or [make_config("CartPole-v1", **values)])) as state:
        for _ in range(iterations):
            rollout = collect(state)
            found.append((rollout, state.rows.envs.pop_episodes()))
            learn(state, rollout)
            state.learner.iteration += 1
    return found


def test_every_episode_is_whole_and_every_real_step_belongs_to_one() -> None:
    for rollout, episodes in collected(3):
        assert int(rollout.mask.sum()) == sum(episode.length for episode in episodes)
        assert int((rollout.terminated | rollout.truncated).sum()) == len(episodes)
        assert sum(episode.episode_return for episode in episodes) == rollout.rewards.sum().item()


def test_an_episode_begins_exactly_where_the_longest_would_fit() -> None:
    for rollout, _ in collected(3):
        steps = rollout.mask.shape[1]
        for env in range(4):
            mask, idle = rollout.mask[0, :, env], rollout.idle[0, :, env]
            assert mask[0]  # without a step for the reset
            starts = [t for t in range(1, steps) if mask[t] and not mask[t - 1]]
            assert all(t + LIMIT <= steps for t in starts)
            waits = int(idle.nonzero()[0]) if idle.any() else steps
            assert idle[waits:].all()
            assert waits + 1 + LIMIT > steps  # it waits only where no further episode would fit


def test_a_rollout_of_the_length_of_an_episode_holds_one_of_each_environment() -> None:
    for rollout, episodes in collected(3, num_steps=LIMIT):
        assert len(episodes) == 4
        assert rollout.mask[:, 0].all()
        assert not (~rollout.mask & ~rollout.idle).any()  # nothing is a reset


def test_waiting_is_not_counted_as_steps_taken_and_not_as_observations() -> None:
    config = make_config(
        "CartPole-v1", algorithm="reinforce", num_envs=4, num_steps=LIMIT, normalize_obs=True, **SHORT
    )
    with open_population(population([config])) as state:
        rollout = collect(state)
        assert rollout.idle.any()
        update_statistics(state, rollout)
        played = int(rollout.mask.sum())
        assert state.learner.statistics.count.tolist() == [played]
        seen = rollout.raw_obs[:, :-1][rollout.mask].double()
        torch.testing.assert_close(state.learner.statistics.mean[0], seen.mean(0))
        assert state.steps_taken == played


def test_short_episodes_are_not_preferred_to_long_ones() -> None:
    """The mean length of all episodes of a fixed policy is that of first episodes alone.

    Beginning wherever there is room and dropping what does not end would make it shorter.
    """
    seeds = range(1, 41)
    first, every = [], []
    configs = [
        make_config("CartPole-v1", algorithm="reinforce", num_envs=20, num_steps=60, seed=seed, **SHORT)
        for seed in seeds
    ]
    ((_, episodes),) = collected(configs=configs)
    for episode in episodes:
        every.append(episode.length)
        if episode.index == 0:
            first.append(episode.length)
    error = np.std(first) * (1 / len(first) + 1 / len(every)) ** 0.5
    assert len(every) > 1.5 * len(first)
    assert abs(np.mean(every) - np.mean(first)) < 3 * error


def test_a_group_starts_alike_and_goes_its_own_ways() -> None:
    found = collected(2, algorithm="grpo", num_envs=6, group_size=3, num_steps=100)
    starts_seen = []
    for rollout, _ in found:
        mask, obs = rollout.mask[0], rollout.obs[0]
        begins = mask.clone()
        begins[1:] &= ~mask[:-1]
        for group in (slice(0, 3), slice(3, 6)):
            assert torch.equal(begins[:, group].any(1), begins[:, group].all(1))  # together
            for t in begins[:, group].all(1).nonzero().flatten().tolist():
                one, *others = obs[t, group].unbind(0)
                assert all(torch.equal(one, other) for other in others)
                starts_seen.append(tuple(one.tolist()))
        assert not torch.equal(rollout.actions[0, :, 0], rollout.actions[0, :, 1])
    assert len(set(starts_seen)) == len(starts_seen) >= 6


def test_groups_differ_in_length_and_wait_for_their_last_episode() -> None:
    ((rollout, episodes),) = collected(algorithm="grpo", num_envs=4, group_size=4, num_steps=200)
    by_round: dict[int, list[int]] = {}
    for episode in episodes:
        by_round.setdefault(episode.index, []).append(episode.length)
    assert len(by_round) >= 3
    assert all(len(lengths) == 4 for lengths in by_round.values())
    assert any(len(set(lengths)) > 1 for lengths in by_round.values())
    assert int(rollout.mask.sum()) == sum(map(sum, by_round.values()))


@pytest.mark.parametrize("algorithm", ["reinforce", "grpo"])
def test_with_time_limits_of_the_environments_own_nothing_changes(algorithm: str) -> None:
    """Pendulum never ends but by its limit: as many episodes as fit, each of 200 steps."""
    config = make_config("Pendulum-v1", algorithm=algorithm, num_envs=8, num_steps=401, num_minibatches=1)
    with open_population(population([config])) as state:
        rollout = collect(state)
        assert [episode.length for episode in state.rows.envs.pop_episodes()] == [200] * 16
        assert int((~rollout.mask).sum()) == 8  # the resets between the two


# ---------------------------------------------------------------------- what cannot be collected


def too_short(**settings: Any) -> RunConfig:
    return make_config("CartPole-v1", **{"algorithm": "reinforce", "num_steps": 100, **settings})


class NeverEnds(ConstantValue):
    """Its own code never ends an episode."""

    def respond(self, action: Any) -> tuple[float, float, bool, bool]:
        return 1.0, 0.0, False, False


def never_ends() -> str:
    if "NeverEnds-v0" not in gym.registry:
        gym.register("NeverEnds-v0", NeverEnds)
    return "NeverEnds-v0"


def endless() -> RunConfig:
    return make_config(never_ends(), algorithm="reinforce", num_steps=100)


REFUSED = [
    (too_short, "rollout.num_steps", "takes up to 500 steps", "set num_steps to 500 or more"),
    (endless, "env_id", "has no time limit", "--set env_kwargs.max_episode_steps=1000"),
    (
        lambda: too_short(env_kwargs={"max_episode_steps": -1}),
        "env_id",
        "has no time limit",
        "--set env_kwargs.max_episode_steps=1000",
    ),
]


@pytest.mark.parametrize(("make", "key", "text", "hint"), REFUSED, ids=["short", "endless", "limit removed"])
def test_rollouts_that_cannot_hold_an_episode_are_refused_wherever_training_begins(
    make: Any, key: str, text: str, hint: str, tmp_path: Path
) -> None:
    config = make()
    hand_written = create_run_dir(tmp_path, "hand-written", config=dump_config(config)).path

    def resumed() -> None:
        (ready,) = prepare_resume([str(hand_written)], runs_dir=tmp_path, total_timesteps=None)
        list(train(ready))

    ways = (
        lambda: list(train(population([config]))),
        lambda: prepare_new([config], runs_dir=tmp_path / "runs", name=None, env_requested="", command=""),
        lambda: prepare_in_folder({"one": config}, tmp_path / "sweep", env_requested="", command=""),
        resumed,
    )
    for way in ways:
        with pytest.raises(UsageError, match=text) as refused:
            way()
        assert refused.value.key == key
        assert hint in str(refused.value.hint)
        assert "reinforce learns from whole episodes" in refused.value.message
    assert not (tmp_path / "runs").exists() and not (tmp_path / "sweep").exists()


def test_a_time_limit_makes_any_environment_one_of_whole_episodes() -> None:
    config = make_config(
        never_ends(), algorithm="reinforce", num_steps=25, num_minibatches=1,
        env_kwargs={"max_episode_steps": 10},
    )  # fmt: skip
    with open_population(population([config])) as state:
        collect(state)
        assert {episode.length for episode in state.rows.envs.pop_episodes()} == {10}
