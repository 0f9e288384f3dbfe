"""What distinguishes the algorithms: returns, groups, penalties, and the rule that adapts one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from helpers.probe_envs import ActionChoosesReward, ConstantValue, probe_id
from helpers.training_helpers import make_config, population, train_members
from torch import Tensor

from ppo_cli.config.algorithms import ALGORITHMS as FACTS
from ppo_cli.config.schema import RunConfig
from ppo_cli.learn.algorithms import ALGORITHMS
from ppo_cli.learn.algorithms.base import Targets
from ppo_cli.learn.algorithms.grpo import Grpo
from ppo_cli.learn.algorithms.ppo_kl import KlPenalty
from ppo_cli.learn.algorithms.reinforce import Reinforce
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Rollout, collect_episodes
from ppo_cli.learn.session import Session
from ppo_cli.learn.trainer import collect, learn, make_batch
from ppo_cli.learn.update import gradient, kl_moved, update
from ppo_cli.metrics import METRICS


def rollout_of(mask: list[list[int]], ends: list[list[int]], cuts: list[list[int]] | None = None) -> Rollout:
    """A rollout of one member, time by environment, with only what targets look at."""
    flags = [torch.tensor(f)[None] > 0 for f in (mask, ends, cuts or [[0] * len(mask[0])] * len(mask))]
    empty = torch.zeros(0)
    return Rollout(empty, empty, empty, flags[1], flags[2], flags[0], ~flags[0], empty, {})


def hyper_of(**settings: Any) -> Hyperparams:
    algorithm = settings.pop("algorithm")
    return Hyperparams.stack(
        [make_config("CartPole-v1", algorithm=algorithm, num_envs=4, num_minibatches=1, **settings)]
    )


def targets(algorithm: Any, rollout: Rollout, rewards: list[list[float]], hyper: Hyperparams) -> Targets:
    values = torch.zeros(1, len(rewards) + 1, len(rewards[0]))
    found: Targets = algorithm.targets(rollout, torch.tensor(rewards)[None], values, hyper)
    return found


def test_every_algorithm_is_explained_and_every_explained_one_is_there() -> None:
    assert set(ALGORITHMS) == set(FACTS)
    learning = RunConfig(env_id="CartPole-v1").learning
    for name, make in ALGORITHMS.items():
        assert (make(learning).collect is collect_episodes) == FACTS[name].whole_episodes


def test_what_an_algorithm_logs_is_what_the_table_of_metrics_says() -> None:
    env_id = probe_id(ActionChoosesReward)
    for name in ALGORITHMS:
        with Session.open(
            population([make_config(env_id, algorithm=name, num_envs=8, num_minibatches=2)])
        ) as session:
            found = set(learn(session, collect(session)))
        expected = {m.name for m in METRICS if m.name.startswith("train/") and (not m.only or name in m.only)}
        assert found == expected


# ---------------------------------------------------------------------- ppo-kl


def adapted(kl_coef: float, kl: float, kl_target: float | None) -> float:
    hyper = hyper_of(algorithm="ppo-kl", kl_coef=kl_coef, kl_target=kl_target)
    return KlPenalty().adapt(torch.tensor([kl]), hyper).item()


@pytest.mark.parametrize(
    ("kl", "expected"),
    [(0.0, 0.5), (0.0066, 0.5), (0.0067, 1.0), (0.01, 1.0), (0.0149, 1.0), (0.0151, 2.0), (9.0, 2.0)],
)
def test_the_coefficient_is_halved_below_and_doubled_above_the_target(kl: float, expected: float) -> None:
    assert adapted(1.0, kl, 0.01) == expected


def test_a_fixed_coefficient_stays_and_an_adaptive_one_finds_its_way_back() -> None:
    assert adapted(3.0, 9.0, None) == 3.0
    assert adapted(0.0, 9.0, 0.01) == 0.0
    coefficient = 1.0
    for _ in range(200):
        coefficient = adapted(coefficient, 0.0, 0.01)
    assert coefficient > 0
    for _ in range(40):
        coefficient = adapted(coefficient, 1.0, 0.01)
    assert coefficient > 1


def test_the_coefficient_of_each_member_follows_its_own_divergence() -> None:
    base = {"algorithm": "ppo-kl", "kl_coef": 1.0, "learning_rate": 0.01}
    configs = [
        make_config("CartPole-v1", seed=1, **base, kl_target=1e-6),  # always too far
        make_config("CartPole-v1", seed=2, **base, kl_target=100.0),  # never far enough
        make_config("CartPole-v1", seed=3, **base, kl_target=None),
    ]
    found = [[row["train/kl_coef"] for row in one.metrics] for one in train_members(configs, 3)]
    assert found == [[1.0, 2.0, 4.0], [1.0, 0.5, 0.25], [1.0, 1.0, 1.0]]


def test_the_penalty_holds_the_policy_back() -> None:
    moved = {}
    for kl_coef in (0.0, 1000.0):
        config = make_config(
            "CartPole-v1", algorithm="ppo-kl", kl_coef=kl_coef, kl_target=None, learning_rate=0.02
        )
        (one,) = train_members([config], 1)
        moved[kl_coef] = one.metrics[0]["train/kl"]
    assert 0 < moved[1000.0] < moved[0.0] / 3


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
def test_the_measured_divergence_is_that_of_torch_distributions(env_id: str) -> None:
    config = make_config(env_id, algorithm="ppo-kl", learning_rate=0.02, num_steps=40, seed=4)
    with Session.open(population([config])) as session:
        before = session.state.params.clone()
        rollout = collect(session)
        batch = make_batch(session, rollout)
        metrics = learn(session, rollout)
        after = session.state.params.clone()

        def torchs(params: Tensor) -> torch.distributions.Distribution:
            said = session.net.forward(params, batch.obs)[0].clone()
            if said.log_std is None:
                return torch.distributions.Categorical(logits=said.location)
            normal = torch.distributions.Normal(said.location, said.log_std[:, None].exp())
            return torch.distributions.Independent(normal, 1)

        exact = torch.distributions.kl_divergence(torchs(before), torchs(after))
        assert metrics["train/kl"].item() == pytest.approx(
            exact[batch.weights > 0].mean().item(), rel=1e-3, abs=1e-7
        )
        assert kl_moved(session.learner, before, batch).item() == pytest.approx(0.0, abs=1e-7)


def test_the_gradient_of_the_whole_loss_is_that_of_automatic_differentiation() -> None:
    """Surrogate, penalty, value loss and entropy together, of a policy that has moved."""
    config = make_config("CartPole-v1", algorithm="ppo-kl", kl_coef=2.0, ent_coef=0.3, num_steps=20)
    with Session.open(population([config])) as session:
        rollout = collect(session)
        batch = make_batch(session, rollout)
        weights = batch.weights / batch.weights.sum()
        batch = type(batch)(**{**vars(batch), "weights": weights})
        noise = torch.randn(session.state.params.shape, generator=torch.Generator().manual_seed(0))
        params = session.state.params + 0.1 * noise * (session.state.params != 0)
        log_ratio, _, _, ours = gradient(session.learner, params, batch, session.hyper)
        ours = ours.clone()
        assert log_ratio.abs().max() > 0.05
        member = params[0].clone().requires_grad_()
        named = session.net.named_parameters(member)
        logits, value = (_mlp(named, net, batch.obs[0]) for net in ("actor", "critic"))
        new = torch.distributions.Categorical(logits=logits)
        assert batch.old_policy is not None
        old = torch.distributions.Categorical(logits=batch.old_policy.location[0])
        ratio = (new.log_prob(batch.actions[0]) - batch.log_probs[0]).exp()
        loss = -ratio * batch.advantages[0] + 2.0 * torch.distributions.kl_divergence(old, new)
        loss = loss + 0.5 * 0.5 * (value[:, 0] - batch.returns[0]).square() - 0.3 * new.entropy()
        (theirs,) = torch.autograd.grad((loss * weights[0]).sum(), member)
    torch.testing.assert_close(ours[0], theirs, rtol=1e-3, atol=1e-5)


def _mlp(named: Mapping[str, Tensor], net: str, x: Tensor) -> Tensor:
    layers = [name for name in named if name.startswith(f"{net}.") and name.endswith("weight")]
    for index in range(len(layers)):
        x = x @ named[f"{net}.{index}.weight"] + named[f"{net}.{index}.bias"]
        x = x if index == len(layers) - 1 else x.relu()
    return x


# ---------------------------------------------------------------------- reinforce

# Time by environment: environment 0 plays 2 and 1 steps, environment 1 plays 3 and is cut.
MASK = [[1, 1], [1, 1], [0, 1], [1, 0]]
ENDS = [[0, 0], [1, 0], [0, 0], [1, 0]]
CUTS = [[0, 0], [0, 0], [0, 1], [0, 0]]
REWARDS = [[1.0, 1.0], [2.0, 1.0], [0.0, 1.0], [8.0, 0.0]]


def of_episode(found: Tensor, env: int) -> list[float]:
    return [value for value, real in zip(found[0, :, env].tolist(), MASK, strict=True) if real[env]]


@pytest.mark.parametrize(
    ("returns", "first", "second"),
    [("to-go", [2.0, 2.0, 8.0], [1.75, 1.5, 1.0]), ("trajectory", [2.0, 2.0, 8.0], [1.75, 1.75, 1.75])],
)
def test_an_action_is_weighed_by_what_came_after_it_or_by_the_whole(
    returns: Any, first: list[float], second: list[float]
) -> None:
    hyper = hyper_of(algorithm="reinforce", gamma=0.5, baseline="none")
    found = targets(Reinforce(returns, "none"), rollout_of(MASK, ENDS, CUTS), REWARDS, hyper)
    assert (of_episode(found.returns, 0), of_episode(found.returns, 1)) == (first, second)
    assert torch.equal(found.advantages, found.returns)
    assert torch.equal(found.weights[0].bool(), torch.tensor(MASK) > 0)


def test_of_whole_returns_the_critic_cannot_say_what_a_time_limit_cut_off() -> None:
    """It learns what is past, too: taken for the future, the past would be paid again and again."""
    rollout = rollout_of(MASK, ENDS, CUTS)
    values, rewards = torch.full((1, 5, 2), 100.0), torch.tensor(REWARDS)[None]
    hyper = hyper_of(algorithm="reinforce", gamma=0.5)
    whole = Reinforce("trajectory", "value").targets(rollout, rewards, values, hyper)
    assert of_episode(whole.returns, 1) == [1.75, 1.75, 1.75]
    to_go = Reinforce("to-go", "value").targets(rollout, rewards, values, hyper)
    assert of_episode(to_go.returns, 1)[-1] == 1 + 0.5 * 100


def test_the_baseline_is_subtracted_and_only_then_there_is_a_critic() -> None:
    hyper = hyper_of(algorithm="reinforce", gamma=0.5)
    rollout, values = rollout_of(MASK, ENDS), torch.full((1, 5, 2), 0.25)
    found = Reinforce("to-go", "value").targets(rollout, torch.tensor(REWARDS)[None], values, hyper)
    assert torch.equal(found.advantages, found.returns - 0.25)
    assert Reinforce("to-go", "value").has_critic
    assert not Reinforce("to-go", "none").has_critic


def test_reinforce_takes_one_pass_over_what_it_collected() -> None:
    config = make_config(
        probe_id(ActionChoosesReward), algorithm="reinforce", num_minibatches=3, num_steps=30
    )
    (one,) = train_members([config], 2)
    assert [row["train/epochs"] for row in one.metrics] == [1.0, 1.0]
    assert one.tensors["adam_step"] == 6


# ---------------------------------------------------------------------- grpo

# Two groups of two environments. The first plays two rounds, the second one; environment 1 ends first.
GROUP_MASK = [[1, 1, 1, 1], [1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]]
GROUP_ENDS = [[0, 1, 0, 0], [1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]]
GROUP_REWARDS = [[1.0, 1.0, 5.0, 5.0], [2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0]]


def test_all_steps_of_an_episode_get_its_advantage_within_its_group_and_round() -> None:
    hyper = hyper_of(algorithm="grpo", gamma=1.0, group_size=2)
    rollout = rollout_of(GROUP_MASK, GROUP_ENDS)
    found = targets(Grpo(2, "steps", "initial"), rollout, GROUP_REWARDS, hyper)
    # Round one: returns (3, 1), mean 2, deviation 1. Round two: (0, 4), mean 2, deviation 2.
    torch.testing.assert_close(
        found.advantages[0, :, 0][rollout.mask[0, :, 0]], torch.tensor([1.0, 1.0, -1.0])
    )
    torch.testing.assert_close(found.advantages[0, :, 1][rollout.mask[0, :, 1]], torch.tensor([-1.0, 1.0]))
    plain = targets(
        Grpo(2, "steps", "initial"), rollout, GROUP_REWARDS,
        hyper_of(algorithm="grpo", gamma=1.0, group_size=2, divide_by_std=False),
    )  # fmt: skip
    assert plain.advantages[0, :, 1][rollout.mask[0, :, 1]].tolist() == [-1.0, 2.0]


@pytest.mark.parametrize(("dynamic_sampling", "weight"), [(True, 0.0), (False, 1.0)])
def test_groups_that_all_paid_the_same_are_left_out_if_so_wanted(
    dynamic_sampling: bool, weight: float
) -> None:
    hyper = hyper_of(algorithm="grpo", gamma=1.0, group_size=2, dynamic_sampling=dynamic_sampling)
    rollout = rollout_of(GROUP_MASK, GROUP_ENDS)
    found = targets(Grpo(2, "steps", "initial"), rollout, GROUP_REWARDS, hyper)
    assert found.weights[0, :, 2:][rollout.mask[0, :, 2:]].tolist() == [weight] * 4
    assert found.weights[0, :, :2][rollout.mask[0, :, :2]].tolist() == [1.0] * 5
    assert found.weights[~rollout.mask].tolist() == [0.0] * 7
    assert found.advantages[0, :, 2:][rollout.mask[0, :, 2:]].tolist() == [0.0] * 4


def test_groups_that_differ_by_rounding_alone_are_left_out() -> None:
    """Potentials that telescope to the same sum over 300 steps, in single precision."""
    rng = torch.Generator().manual_seed(0)
    potential = 10 * torch.randn(301, 8, generator=rng)
    potential[0], potential[-1] = 1.25, 0.0
    rewards = (potential[1:] - potential[:-1])[None]
    ends = [[0] * 8] * 299 + [[1] * 8]
    hyper = hyper_of(algorithm="grpo", gamma=1.0, group_size=4)
    rollout = rollout_of([[1] * 8] * 300, ends)
    found = Grpo(8, "steps", "initial").targets(rollout, rewards, torch.zeros(1, 301, 8), hyper)
    assert 0 < found.returns[0, 0].std() < 1e-3
    assert not found.weights.any()
    assert not found.advantages.any()


def test_when_nothing_is_to_be_learned_nothing_moves_and_it_is_said() -> None:
    config = make_config(
        probe_id(ConstantValue), algorithm="grpo", num_envs=8, num_minibatches=2, kl_coef=0.5, ent_coef=0.1
    )
    (one,) = train_members([config], 2)
    assert one.tensors["adam_step"] == 0
    assert [row["train/used"] for row in one.metrics] == [0.0, 0.0]
    assert one.status == "training"


def test_a_mean_over_episodes_gives_each_the_same_weight_however_long() -> None:
    hyper = hyper_of(algorithm="grpo", gamma=1.0, group_size=2, loss_mean="episodes")
    rollout = rollout_of(GROUP_MASK, GROUP_ENDS)
    found = targets(Grpo(2, "episodes", "initial"), rollout, GROUP_REWARDS, hyper)
    assert found.weights[0].T.tolist() == [[0.5, 0.5, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_the_penalty_pulls_towards_the_reference() -> None:
    """k3 by log-probability is 1 - pi_ref / pi: what the reference likes better is made likelier."""
    env_id = probe_id(ActionChoosesReward)
    config = make_config(env_id, algorithm="grpo", num_envs=8, num_minibatches=1, kl_coef=0.7)
    with Session.open(population([config])) as session:
        batch = make_batch(session, collect(session))
    assert batch.ref_log_probs is not None
    torch.testing.assert_close(batch.ref_log_probs, batch.log_probs)  # the reference is the policy itself yet
    algorithm, hyper, still = Grpo(8, "steps", "initial"), session.hyper, torch.zeros_like(batch.log_probs)
    batch = type(batch)(**{**vars(batch), "advantages": still, "ref_log_probs": batch.log_probs + 0.5})
    found = algorithm.by_log_prob(still, batch, hyper)
    torch.testing.assert_close(found, 0.7 * (1 - torch.tensor(0.5).exp()) * batch.weights)
    kl = algorithm.metrics(still, batch, hyper)["train/kl_reference"]
    mean_weight = batch.weights.sum(-1)
    torch.testing.assert_close(kl, (torch.tensor(0.5).exp() - 1.5) * mean_weight)


def test_without_a_penalty_the_reference_changes_nothing_however_far_it_is() -> None:
    config = make_config(
        probe_id(ActionChoosesReward), algorithm="grpo", num_envs=8, num_minibatches=1, kl_coef=0.0
    )
    with Session.open(population([config])) as session:
        batch = make_batch(session, collect(session))
        assert batch.ref_log_probs is not None
        far = type(batch)(**{**vars(batch), "ref_log_probs": batch.ref_log_probs + 1000})
        still, algorithm = torch.zeros_like(batch.log_probs), Grpo(8, "steps", "initial")
        near = algorithm.by_log_prob(still, batch, session.hyper)
        assert torch.equal(algorithm.by_log_prob(still, far, session.hyper), near)
        result = update(session.learner, session.state, far, session.hyper, session.seeds, 2, 1)
        assert result.failures == {}


def test_grpo_has_no_critic_anywhere() -> None:
    config = make_config(probe_id(ActionChoosesReward), algorithm="grpo", num_envs=8, num_minibatches=1)
    with Session.open(population([config])) as session:
        names = set(session.net.named_parameters(session.state.params[0]))
        with_critic = Session(population([make_config(config.env_id, num_envs=8, num_minibatches=1)]))
        assert names == {
            n for n in with_critic.net.named_parameters(with_critic.state.params[0]) if "critic" not in n
        }
        assert session.net.num_params < with_critic.net.num_params
        with_critic.close()
