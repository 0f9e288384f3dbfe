"""PPO with a KL penalty: the measured divergence, and the rule that adapts its price."""

from __future__ import annotations

import pytest
import torch
from helpers.rollouts import hyper_of
from helpers.training_helpers import make_config, population, train_members
from torch import Tensor

from ppo_cli.learn.algorithms.ppo_kl import adapted_kl_coef
from ppo_cli.learn.build import open_population
from ppo_cli.learn.trainer import adapt, collect, learn, make_batch


def adapted(kl_coef: float, kl: float, kl_target: float | None) -> float:
    hyper = hyper_of(algorithm="ppo-kl", kl_coef=kl_coef, kl_target=kl_target)
    return adapted_kl_coef(torch.tensor([kl]), hyper).item()


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
    with open_population(population([config])) as state:
        before = state.learner.agent.params.clone()
        rollout = collect(state)
        batch = make_batch(state, rollout)
        metrics = learn(state, rollout)
        after = state.learner.agent.params.clone()

        def torchs(params: Tensor) -> torch.distributions.Distribution:
            output = state.agent.net.forward(params, batch.obs)[0].clone()
            if output.log_std is None:
                return torch.distributions.Categorical(logits=output.head)
            normal = torch.distributions.Normal(output.head, output.log_std.exp())
            return torch.distributions.Independent(normal, 1)

        exact = torch.distributions.kl_divergence(torchs(before), torchs(after))
        assert metrics["train/kl"].item() == pytest.approx(
            exact[batch.weights > 0].mean().item(), rel=1e-3, abs=1e-7
        )
        state.learner.agent.params[:] = before
        assert adapt(state, batch, state.rows.hyper)["train/kl"].item() == pytest.approx(0.0, abs=1e-7)
