"""One loop for whatever learns: a second learner, made up here, needs no change in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from helpers.training_helpers import make_config, population
from torch import Tensor

from ppo_cli.learn.build import open_population
from ppo_cli.learn.learner_state import LearnerState
from ppo_cli.learn.minibatches import permutations, shuffled
from ppo_cli.learn.optimise import Gradient, Outcome, Trainable, optimise
from ppo_cli.learn.trainer import collect
from ppo_cli.nn.mlp import MLP
from ppo_cli.rng import Stream, generator

SEEDS = [1, 2, 3]


@dataclass(frozen=True)
class Samples:
    """Inputs and what is to be said of them, ``[M, B, 3]`` and ``[M, B]``."""

    inputs: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Regression:
    """Mean squared error of a network with one output, of all members at once."""

    mlp: MLP

    def gradient(self, params: Tensor, minibatch: Samples) -> Gradient:
        rows = params.expand(self.mlp.least_rows(len(params)), -1)
        inputs = minibatch.inputs.expand(len(rows), -1, -1).contiguous()
        errors = self.mlp.forward(rows, inputs)[: len(params), :, 0] - minibatch.labels
        grad = torch.zeros(len(rows), errors.shape[1], self.mlp.head_width)
        grad[: len(params), :, 0] = 2 * errors / errors.shape[1]
        grads = self.mlp.backward(rows, grad)[: len(params)]
        nonempty = torch.ones(len(params), dtype=torch.bool)
        return Gradient(grads, nonempty, (errors.clone(),))

    def metrics(self, aux: Sequence[Tensor], batch: Samples) -> dict[str, Tensor]:
        return {"train/error": aux[0].square().mean(-1)}


def samples_of_a_rollout(seeds: Sequence[int]) -> Samples:
    """Observations of Pendulum, labelled by its angular velocity times its cosine."""
    configs = [make_config("Pendulum-v1", seed=seed, num_steps=40) for seed in seeds]
    with open_population(population(configs)) as state:
        obs = collect(state).obs[:, :-1].flatten(1, 2)
    return Samples(obs, obs[..., 0] * obs[..., 2])


def fitted(seeds: Sequence[int], epochs: int = 60, labels: Tensor | None = None) -> tuple[Trainable, Outcome]:
    mlp = MLP((3, 16, 1), "tanh")
    samples = samples_of_a_rollout(seeds)
    if labels is not None:
        samples = Samples(samples.inputs, labels)
    params = torch.zeros(len(seeds), mlp.row_params)
    for row, seed in zip(params, seeds, strict=True):
        mlp.init_(row, generator(seed, Stream.INIT), 1, 1.0)
    trainable = Trainable.fresh(params)
    order = permutations(seeds, 0, epochs, samples.labels.shape[1])
    batches = (shuffled(samples, epoch_order, 4) for epoch_order in order.unbind(1))
    rates = torch.full((len(seeds), 1), 0.01, dtype=torch.float64)
    return trainable, optimise(trainable, Regression(mlp), batches, rates, torch.full((len(seeds),), 10.0))


def test_a_regression_on_a_rollout_learns_with_the_agents_loop() -> None:
    before, after = fitted(SEEDS, 1)[1], fitted(SEEDS, 60)[1]
    last = fitted(SEEDS, 61)[1].metrics["train/error"] * 61 - after.metrics["train/error"] * 60
    assert (last < before.metrics["train/error"] / 20).all()
    assert after.metrics["train/epochs"].tolist() == [60.0] * 3
    assert after.failures == {}


def test_its_members_have_the_bits_that_they_have_alone() -> None:
    together, _ = fitted(SEEDS, 5)
    for row, seed in enumerate(SEEDS):
        alone, _ = fitted([seed], 5)
        assert all(
            torch.equal(values[0], together.tensors()[name][row]) for name, values in alone.tensors().items()
        )


def test_a_member_that_becomes_nan_is_named_and_stands_still_while_the_others_go_on() -> None:
    labels = samples_of_a_rollout(SEEDS).labels
    labels[1, 7] = torch.nan
    spoilt, outcome = fitted(SEEDS, 5, labels)
    assert list(outcome.failures) == [1]
    assert outcome.failures[1].startswith("error became nan in epoch 1, minibatch")
    assert torch.equal(spoilt.params[0], fitted([SEEDS[0]], 5)[0].params[0])
    assert spoilt.params[1].isfinite().all()


def test_the_state_holds_trainables_by_name_and_gives_them_back_from_a_checkpoint() -> None:
    agent, other = (Trainable.fresh(torch.randn(2, size)) for size in (5, 3))
    state = LearnerState.initial(agent.params, obs_size=4)
    state.trainables["critic_of_films"] = other
    saved = [state.member_tensors(row) for row in range(2)]
    assert np.array_equal(saved[1]["params"], agent.params[1].numpy()), "the agent's need no prefix"
    again = LearnerState.stack(0, saved)
    assert set(again.trainables) == {"agent", "critic_of_films"}
    assert torch.equal(again.trainables["critic_of_films"].params, other.params)
    assert torch.equal(again.agent.adam_step, agent.adam_step)
    kept = again.keep(torch.tensor([1]))
    assert torch.equal(kept.trainables["critic_of_films"].params, other.params[1:])


@pytest.mark.parametrize("missing", ["params", "obs_mean"])
def test_a_checkpoint_that_lacks_a_tensor_is_noticed(missing: str) -> None:
    state = LearnerState.initial(torch.randn(1, 5), obs_size=4)
    saved = state.member_tensors(0)
    del saved[missing]
    with pytest.raises(KeyError, match=missing):
        LearnerState.stack(0, [saved])
