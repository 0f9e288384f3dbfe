"""GRPO: groups of episodes, what is left out, and the penalty to a reference."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from helpers.probe_envs import ActionChoosesReward, ConstantValue, probe_id
from helpers.rollouts import hyper_of, rollout_of, targets, view
from helpers.training_helpers import make_config, population, train_members

from ppo_cli.learn.agent import update
from ppo_cli.learn.algorithms.grpo import Grpo
from ppo_cli.learn.build import open_population
from ppo_cli.learn.trainer import collect, make_batch

# Two groups of two environments. The first plays two rounds, the second one; environment 1 ends first.
GROUP_MASK = [[1, 1, 1, 1], [1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]]
GROUP_ENDS = [[0, 1, 0, 0], [1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]]
GROUP_REWARDS = [[1.0, 1.0, 5.0, 5.0], [2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0]]


def test_all_steps_of_an_episode_get_its_advantage_within_its_group_and_round() -> None:
    hyper = hyper_of("grpo", gamma=1.0, group_size=2)
    rollout = rollout_of(GROUP_MASK, GROUP_ENDS)
    judged = targets(Grpo(2, "steps"), rollout, GROUP_REWARDS, hyper)
    # Round one: returns (3, 1), mean 2, deviation 1. Round two: (0, 4), mean 2, deviation 2.
    torch.testing.assert_close(
        judged.advantages[0, :, 0][rollout.mask[0, :, 0]], torch.tensor([1.0, 1.0, -1.0])
    )
    torch.testing.assert_close(judged.advantages[0, :, 1][rollout.mask[0, :, 1]], torch.tensor([-1.0, 1.0]))
    plain = targets(
        Grpo(2, "steps"), rollout, GROUP_REWARDS,
        hyper_of("grpo", gamma=1.0, group_size=2, divide_by_std=False),
    )  # fmt: skip
    assert plain.advantages[0, :, 1][rollout.mask[0, :, 1]].tolist() == [-1.0, 2.0]


@pytest.mark.parametrize(("dynamic_sampling", "weight"), [(True, 0.0), (False, 1.0)])
def test_groups_that_all_paid_the_same_are_left_out_if_so_wanted(
    dynamic_sampling: bool, weight: float
) -> None:
    hyper = hyper_of("grpo", gamma=1.0, group_size=2, dynamic_sampling=dynamic_sampling)
    rollout = rollout_of(GROUP_MASK, GROUP_ENDS)
    judged = targets(Grpo(2, "steps"), rollout, GROUP_REWARDS, hyper)
    assert judged.weights[0, :, 2:][rollout.mask[0, :, 2:]].tolist() == [weight] * 4
    assert judged.weights[0, :, :2][rollout.mask[0, :, :2]].tolist() == [1.0] * 5
    assert judged.weights[~rollout.mask].tolist() == [0.0] * 7
    assert judged.advantages[0, :, 2:][rollout.mask[0, :, 2:]].tolist() == [0.0] * 4


def test_groups_that_differ_by_rounding_alone_are_left_out() -> None:
    """Potentials that telescope to the same sum over 300 steps, in single precision."""
    rng = torch.Generator().manual_seed(0)
    potential = 10 * torch.randn(301, 8, generator=rng)
    potential[0], potential[-1] = 1.25, 0.0
    rewards = (potential[1:] - potential[:-1])[None]
    ends = [[0] * 8] * 299 + [[1] * 8]
    hyper = hyper_of("grpo", gamma=1.0, group_size=4)
    rollout = rollout_of([[1] * 8] * 300, ends)
    judged = Grpo(8, "steps").targets(replace(rollout, rewards=rewards), torch.zeros(1, 301, 8), hyper)
    assert 0 < judged.returns[0, 0].std() < 1e-3
    assert not judged.weights.any()
    assert not judged.advantages.any()


def test_when_nothing_is_to_be_learned_nothing_moves_and_it_is_said() -> None:
    config = make_config(
        probe_id(ConstantValue), algorithm="grpo", num_envs=8, num_minibatches=2, kl_coef=0.5, ent_coef=0.1
    )
    (one,) = train_members([config], 2)
    assert one.tensors["adam_step"] == 0
    assert [row["train/used"] for row in one.metrics] == [0.0, 0.0]
    assert one.status == "training"


def test_a_mean_over_episodes_gives_each_the_same_weight_however_long() -> None:
    hyper = hyper_of("grpo", gamma=1.0, group_size=2, loss_mean="episodes")
    rollout = rollout_of(GROUP_MASK, GROUP_ENDS)
    judged = targets(Grpo(2, "episodes"), rollout, GROUP_REWARDS, hyper)
    assert judged.weights[0].T.tolist() == [[0.5, 0.5, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_the_penalty_pulls_towards_the_reference() -> None:
    """k3 by log-probability is 1 - pi_ref / pi: what the reference likes better is made likelier."""
    env_id = probe_id(ActionChoosesReward)
    config = make_config(env_id, algorithm="grpo", num_envs=8, num_minibatches=1, kl_coef=0.7)
    with open_population(population([config])) as state:
        batch = make_batch(state, collect(state))
    assert batch.ref_log_probs is not None
    torch.testing.assert_close(batch.ref_log_probs, batch.log_probs)  # the reference is the policy itself yet
    algorithm, hyper, still = Grpo(8, "steps"), state.rows.hyper, torch.zeros_like(batch.log_probs)
    batch = type(batch)(**{**vars(batch), "advantages": still, "ref_log_probs": batch.log_probs + 0.5})
    slope = algorithm.loss_gradient(view(still, batch), batch, hyper).log_probs
    torch.testing.assert_close(slope, 0.7 * (1 - torch.tensor(0.5).exp()) * batch.weights)
    kl = algorithm.metrics(view(still, batch), batch, hyper)["train/kl_reference"]
    mean_weight = batch.weights.sum(-1)
    torch.testing.assert_close(kl, (torch.tensor(0.5).exp() - 1.5) * mean_weight)


def test_without_a_penalty_the_reference_changes_nothing_however_far_it_is() -> None:
    config = make_config(
        probe_id(ActionChoosesReward), algorithm="grpo", num_envs=8, num_minibatches=1, kl_coef=0.0
    )
    with open_population(population([config])) as state:
        batch = make_batch(state, collect(state))
        assert batch.ref_log_probs is not None
        far = type(batch)(**{**vars(batch), "ref_log_probs": batch.ref_log_probs + 1000})
        still, algorithm = torch.zeros_like(batch.log_probs), Grpo(8, "steps")
        near, away = (
            algorithm.loss_gradient(view(still, one), one, state.rows.hyper).log_probs for one in (batch, far)
        )
        assert torch.equal(near, away)
        outcome = update(state.agent, state.learner.agent, far, state.rows.hyper, state.seeds, 0, 2, 1)
        assert outcome.failures == {}


def test_grpo_has_no_critic_anywhere() -> None:
    config = make_config(probe_id(ActionChoosesReward), algorithm="grpo", num_envs=8, num_minibatches=1)
    with open_population(population([config])) as state:
        names = set(state.agent.net.named_parameters(state.learner.agent.params[0]))
        assert names and not any("critic" in name for name in names)
    with open_population(population([make_config(config.env_id, num_envs=8, num_minibatches=1)])) as other:
        assert names < set(other.agent.net.named_parameters(other.learner.agent.params[0]))
        assert state.agent.net.num_params < other.agent.net.num_params
