"""REINFORCE: what an action is weighed by, and that it takes one pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.probe_envs import ActionChoosesReward, probe_id
from helpers.rollouts import hyper_of, rollout_of, targets
from helpers.training_helpers import make_config, population, train_members
from torch import Tensor

from ppo_cli.learn.algorithms.reinforce import Reinforce
from ppo_cli.learn.build import open_population

# Time by environment: environment 0 plays 2 and 1 steps, environment 1 plays 3 and is cut.
MASK = [[1, 1], [1, 1], [0, 1], [1, 0]]
ENDS = [[0, 0], [1, 0], [0, 0], [1, 0]]
CUTS = [[0, 0], [0, 0], [0, 1], [0, 0]]
REWARDS = [[1.0, 1.0], [2.0, 1.0], [0.0, 1.0], [8.0, 0.0]]


def of_episode(values: Tensor, env: int) -> list[float]:
    return [value for value, real in zip(values[0, :, env].tolist(), MASK, strict=True) if real[env]]


@pytest.mark.parametrize(
    ("returns", "first", "second"),
    [("to-go", [2.0, 2.0, 8.0], [1.75, 1.5, 1.0]), ("trajectory", [2.0, 2.0, 8.0], [1.75, 1.75, 1.75])],
)
def test_an_action_is_weighed_by_what_came_after_it_or_by_the_whole(
    returns: Any, first: list[float], second: list[float]
) -> None:
    hyper = hyper_of("reinforce", gamma=0.5, baseline="none")
    judged = targets(Reinforce(returns), rollout_of(MASK, ENDS, CUTS), REWARDS, hyper)
    assert (of_episode(judged.returns, 0), of_episode(judged.returns, 1)) == (first, second)
    assert torch.equal(judged.advantages, judged.returns)
    assert torch.equal(judged.weights[0].bool(), torch.tensor(MASK) > 0)


def test_of_whole_returns_the_critic_cannot_say_what_a_time_limit_cut_off() -> None:
    """It learns what is past, too: taken for the future, the past would be paid again and again."""
    rollout, values = rollout_of(MASK, ENDS, CUTS, REWARDS), torch.full((1, 5, 2), 100.0)
    hyper = hyper_of("reinforce", gamma=0.5)
    whole = Reinforce("trajectory").targets(rollout, values, hyper)
    assert of_episode(whole.returns, 1) == [1.75, 1.75, 1.75]
    to_go = Reinforce("to-go").targets(rollout, values, hyper)
    assert of_episode(to_go.returns, 1)[-1] == 1 + 0.5 * 100


def test_the_baseline_is_subtracted_and_only_then_there_is_a_critic() -> None:
    rollout, values = rollout_of(MASK, ENDS, rewards=REWARDS), torch.full((1, 5, 2), 0.25)
    judged = Reinforce("to-go").targets(rollout, values, hyper_of("reinforce", gamma=0.5))
    assert torch.equal(judged.advantages, judged.returns - 0.25)
    for baseline in ("value", "none"):
        config = make_config(
            probe_id(ActionChoosesReward), algorithm="reinforce", num_steps=30, baseline=baseline
        )
        with open_population(population([config])) as state:
            assert state.agent.net.critic == (baseline == "value")


def test_reinforce_takes_one_pass_over_what_it_collected() -> None:
    config = make_config(
        probe_id(ActionChoosesReward), algorithm="reinforce", num_minibatches=3, num_steps=30
    )
    (one,) = train_members([config], 2)
    assert [row["train/epochs"] for row in one.metrics] == [1.0, 1.0]
    assert one.tensors["adam_step"] == 6
