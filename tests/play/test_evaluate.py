"""Evaluations that kernels play in one go: what is played step by step, to the last bit."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.compiled_play import PLAYED, SEEDS, Play, make_play, step_by_step

from ppo_cli.play.evaluate import play_episodes
from ppo_cli.rng import Stream
from ppo_cli.runs.eval_stats import EvalStats

LONG = {"env_kwargs": {"max_episode_steps": 150}}  # more than two blocks of steps
NEVER_THERE = ("Acrobot-v1", "MountainCar-v0")  # so early with such policies: all returns are -150


def evaluated(play: Play, rows: list[int], *, deterministic: bool, round_index: int = 3) -> list[EvalStats]:
    """Five episodes of some of the members."""
    normalizer = play.normalizer
    if normalizer.mean is not None:
        normalizer = type(normalizer)(
            normalizer.mean[rows], normalizer.inverse_std[rows], normalizer.clip[rows]
        )
    results = play_episodes(
        play.agent.net, play.agent.distribution, play.params[rows], normalizer,
        env_kwargs=LONG["env_kwargs"], seeds=[SEEDS[row] for row in rows], stream=Stream.EVAL,
        round_index=round_index, episodes=5, deterministic=deterministic,
    )  # fmt: skip
    assert results is not None
    return results


@pytest.mark.parametrize("deterministic", [True, False], ids=["most likely", "sampled"])
@pytest.mark.parametrize("normalize", [False, True], ids=["plain", "normalised"])
@pytest.mark.parametrize(("env_id", "own"), PLAYED.values(), ids=PLAYED)
def test_kernels_play_the_episodes_that_python_plays(
    env_id: str, own: dict[str, Any], normalize: bool, deterministic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = make_play(env_id, own, normalize=normalize)
    got = evaluated(play, [0, 1, 2], deterministic=deterministic)
    with monkeypatch.context() as patch:
        step_by_step(patch)
        wanted = evaluated(play, [0, 1, 2], deterministic=deterministic)
    assert got == wanted
    assert len({stats.returns for stats in got}) == 3 or env_id in NEVER_THERE


@pytest.mark.parametrize("deterministic", [True, False], ids=["most likely", "sampled"])
def test_a_member_is_evaluated_alike_alone_and_at_any_place(deterministic: bool) -> None:
    play = make_play("CartPole-v1", {}, normalize=True)
    threads = make_play("CartPole-v1", {}, normalize=True, num_threads=2)
    together = evaluated(play, [0, 1, 2], deterministic=deterministic)
    assert evaluated(play, [2, 0, 1], deterministic=deterministic) == [together[i] for i in (2, 0, 1)]
    assert [evaluated(play, [row], deterministic=deterministic)[0] for row in range(3)] == together
    assert evaluated(threads, [0, 1, 2], deterministic=deterministic) == together
    assert evaluated(play, [0], deterministic=deterministic, round_index=4) != together[:1]


@pytest.mark.parametrize("in_python", [False, True])
def test_an_evaluation_is_given_up_after_a_block_of_steps(
    in_python: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    play, asked = make_play("Pendulum-v1", {}), []
    if in_python:
        step_by_step(monkeypatch)

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 3

    result = play_episodes(
        play.agent.net, play.agent.distribution, play.params, play.normalizer,
        env_kwargs=LONG["env_kwargs"], seeds=SEEDS, stream=Stream.EVAL, round_index=0, episodes=2, stop=stop,
    )  # fmt: skip
    assert result is None and len(asked) == 3
