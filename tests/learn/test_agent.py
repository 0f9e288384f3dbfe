"""The agent's gradient: what an algorithm wrote out is what autograd makes of its formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from helpers.probe_envs import ContinuousTarget, ObservationActionMatch, probe_id
from helpers.training_helpers import make_config, population
from torch import Tensor

from ppo_cli.config.algorithms import ALGORITHMS, uses
from ppo_cli.learn.agent import Agent, grad_by_autograd, grad_by_hand, total_loss
from ppo_cli.learn.algorithms.base import Algorithm
from ppo_cli.learn.batch import Batch, PolicyView, agent_minibatches
from ppo_cli.learn.build import open_population
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.minibatches import permutations, unbind
from ppo_cli.learn.trainer import collect, make_batch, relabel, train_iteration
from ppo_cli.nn.policy_output import PolicyOutput

DISTRIBUTIONS: dict[str, tuple[type, dict[str, Any]]] = {
    "categorical": (ObservationActionMatch, {}),
    "gaussian": (ContinuousTarget, {"log_std_init": -0.5}),
    "squashed": (ContinuousTarget, {"squash": True}),
    "beta": (ContinuousTarget, {"policy": "beta"}),
}
ALONE = {"members": 1, "num_minibatches": 1, "num_steps": 21}
SHAPES: dict[str, dict[str, Any]] = {
    "one minibatch, one member": ALONE,
    "odd minibatches, three members": {"members": 3, "num_minibatches": 3, "num_steps": 33},
}


def moved_agent(
    algorithm: str, distribution: str, shape: dict[str, Any]
) -> tuple[Agent, PolicyOutput, Tensor, Batch, Hyperparams]:
    """A minibatch, and the outputs on it of an agent that has moved since it collected."""
    env, kind = DISTRIBUTIONS[distribution]
    settings = {name: value for name, value in shape.items() if name != "members"}
    own = {"eps_clip_vf": 0.2} if "eps_clip_vf" in ALGORITHMS[algorithm].settings else {}
    settings = {name: value for name, value in settings.items() if uses(algorithm, name)}
    settings |= {"algorithm": algorithm, "num_envs": 8, "ent_coef": 0.3, "gamma": 0.9, **own, **kind}
    configs = [make_config(probe_id(env), seed=seed, **settings) for seed in range(1, shape["members"] + 1)]
    with open_population(population(configs)) as state:
        batch = make_batch(state, relabel(state, collect(state))[0])
        params, rng = state.learner.agent.params.clone(), torch.Generator().manual_seed(0)
        for row in params:
            for value in state.agent.net.named_parameters(row).values():
                value += 0.1 * torch.randn(value.shape, generator=rng)
        order = permutations(state.seeds, 0, 1, batch.weights.shape[1])[:, 0]
        count = settings.get("num_minibatches", 1)
        part = unbind(agent_minibatches(batch, order, count, state.rows.hyper.normalize_advantages > 0))[-1]
        output, values = state.agent.net.forward(params, part.obs)
        return state.agent, output.clone(), values.clone(), part, state.rows.hyper


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_written_gradient_is_that_of_the_formula(algorithm: str, distribution: str, shape: str) -> None:
    agent, output, values, part, hyper = moved_agent(algorithm, distribution, SHAPES[shape])
    policy = PolicyView.of_output(agent.distribution, output, part)
    assert policy.log_ratio.abs().max() > 0.01
    formula = grad_by_autograd(agent, output, values, part, hyper)
    assert all(grad is None or grad.isfinite().all() for grad in formula)
    loss_grad = agent.algorithm.loss_gradient(policy, part, hyper)
    if loss_grad is None:
        return  # nobody wrote one: the trainer takes the formula's
    written = grad_by_hand(agent, loss_grad, output, values, part, hyper)
    assert (written[1] is None) == (formula[1] is None)
    for ours, exact in zip(written[: 3 if agent.net.critic else 2], formula, strict=False):
        if ours is not None and exact is not None:
            assert ours.shape == exact.shape
            torch.testing.assert_close(ours, exact, rtol=1e-3, atol=1e-6)


class NothingWritten(Algorithm):
    """PPO-clip's formula, without its written-out derivative."""

    def __init__(self, algorithm: Algorithm) -> None:
        self.targets, self.loss, self.metrics = algorithm.targets, algorithm.loss, algorithm.metrics  # type: ignore[method-assign]

    def targets(self, *args: Any) -> Any: ...
    def loss(self, *args: Any) -> Any: ...


def test_an_algorithm_that_offers_its_formula_alone_takes_the_same_steps() -> None:
    learned = []
    for wrap in (lambda algorithm: algorithm, NothingWritten):
        config = make_config("Pendulum-v1", num_steps=40, learning_rate=1e-3, seed=3)
        with open_population(population([config])) as state:
            state.agent = replace(state.agent, algorithm=wrap(state.agent.algorithm))
            for _ in range(3):
                train_iteration(state)
            learned.append(state.learner.agent.params.clone())
    torch.testing.assert_close(*learned, rtol=1e-4, atol=1e-5)
    assert not torch.equal(learned[0], torch.zeros_like(learned[0]))


def test_the_total_loss_is_policy_loss_plus_value_loss_minus_entropy_by_their_weights() -> None:
    agent, output, values, part, hyper = moved_agent("ppo-clip", "categorical", ALONE)
    policy = PolicyView.of_output(agent.distribution, output, part)

    def loss(**weights: float) -> float:
        own = {name: torch.tensor([value]) for name, value in weights.items()}
        return total_loss(agent, policy, values, part, replace(hyper, **own)).item()

    alone = loss(vf_coef=0.0, ent_coef=0.0)
    assert alone == pytest.approx(agent.algorithm.loss(policy, part, hyper).item())
    mean_entropy = (policy.entropy * part.weights).sum().item()
    assert loss(vf_coef=0.0, ent_coef=2.0) == pytest.approx(alone - 2 * mean_entropy, rel=1e-5)
    value_loss = loss(vf_coef=1.0, ent_coef=0.0) - alone
    assert value_loss > 0
    assert loss(vf_coef=3.0, ent_coef=0.0) == pytest.approx(alone + 3 * value_loss, rel=1e-5)
