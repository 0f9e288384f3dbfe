"""The page that explains PPO computes what the trainer computes: same rollout, same minibatches."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
import torch
from helpers.pages import ROOT
from helpers.training_helpers import make_config, population
from torch import Tensor

from ppo_cli.learn.agent import update
from ppo_cli.learn.batch import Batch
from ppo_cli.learn.build import open_population
from ppo_cli.learn.minibatches import permutations
from ppo_cli.learn.rollout import Rollout
from ppo_cli.learn.trainer import collect, make_batch, relabel

PAGE = ROOT / "docs" / "ppo_in_one_page.py"
SETTINGS: dict[str, Any] = {
    "num_envs": 4,
    "num_steps": 64,
    "num_epochs": 3,
    "num_minibatches": 4,
    "learning_rate": 0.01,
    "gamma": 0.98,
    "gae_lambda": 0.9,
    "eps_clip": 0.1,
    "ent_coef": 0.02,
    "vf_coef": 0.7,
    "max_grad_norm": 0.4,
}


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ppo_in_one_page", PAGE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------------- the trainer's side


@dataclass(frozen=True)
class Trained:
    """An update of the trainer, of one member.

    Attributes:
        rollout: What was collected.
        batch: What was learned from; fillers, which have no weight, are among it.
        order: The order of the batch in each epoch.
        before: Parameters by name, ``actor.0.weight`` ``[in, out]`` and so on.
        after: The same after the update.
        metrics: What the update says of itself.
    """

    rollout: Rollout
    batch: Batch
    order: Tensor
    before: dict[str, Tensor]
    after: dict[str, Tensor]
    metrics: dict[str, Tensor]


@pytest.fixture(scope="module")
def trained() -> Trained:
    config = make_config("CartPole-v1", 1, **SETTINGS)
    with open_population(population([config])) as state:
        agent, trainable, seeds = state.agent, state.learner.agent, state.seeds
        rollout, _ = relabel(state, collect(state))
        batch = make_batch(state, rollout)
        before = agent.net.named_parameters(trainable.params[0].clone())
        epochs, parts = SETTINGS["num_epochs"], SETTINGS["num_minibatches"]
        order = permutations(seeds, state.iteration, epochs, batch.weights.shape[1])[0]
        outcome = update(agent, trainable, batch, state.hyper_now(), seeds, state.iteration, epochs, parts)
        after = agent.net.named_parameters(trainable.params[0].clone())
    return Trained(rollout, batch, order, before, after, outcome.metrics)


def agent_with(page: ModuleType, parameters: dict[str, Tensor]) -> Any:
    """The page's agent with a member's parameters."""
    agent = page.Agent(obs_size=4, num_actions=2)
    agent.load_state_dict({names_on_page(name): as_on_page(values) for name, values in parameters.items()})
    return agent


def names_on_page(name: str) -> str:
    """Layer i of a network stands at 2 i there, with an activation after it."""
    return re.sub(r"\.(\d)\.", lambda layer: f".{2 * int(layer[1])}.", name)


def as_on_page(values: Tensor) -> Tensor:
    return values.T.contiguous() if values.dim() == 2 else values


def rollout_on_page(page: ModuleType, rollout: Rollout, batch: Batch) -> Any:
    shape = rollout.rewards[0].shape
    return page.Rollout(
        obs=rollout.obs[0],
        actions=rollout.actions[0],
        log_probs=batch.log_probs[0].view(shape),
        rewards=rollout.rewards[0],
        terminated=rollout.terminated[0],
        truncated=rollout.truncated[0],
        real=rollout.mask[0],
    )


# ---------------------------------------------------------------------- tests


def test_the_page_imports_nothing_of_this_package() -> None:
    tree = ast.walk(ast.parse(PAGE.read_text(encoding="utf-8")))
    modules = [node.module or "" for node in tree if isinstance(node, ast.ImportFrom)]
    assert "dataclasses" in modules
    assert "ppo_cli" not in PAGE.read_text(encoding="utf-8")


def test_the_page_judges_actions_as_the_trainer_does(page: ModuleType, trained: Trained) -> None:
    agent = agent_with(page, trained.before)
    rollout = rollout_on_page(page, trained.rollout, trained.batch)
    assert rollout.terminated.any(), "a rollout without an end would prove little"
    with torch.no_grad():
        log_probs = agent.policy(rollout.obs[:-1]).log_prob(rollout.actions)
        advantages = page.gae(rollout, agent.value(rollout.obs), SETTINGS["gamma"], SETTINGS["gae_lambda"])
    judged = trained.batch.advantages[0].view(advantages.shape)
    torch.testing.assert_close(advantages[rollout.real], judged[rollout.real], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(log_probs[rollout.real], rollout.log_probs[rollout.real], atol=1e-6, rtol=1e-5)


def test_the_update_of_the_page_is_that_of_the_trainer(page: ModuleType, trained: Trained) -> None:
    assert trained.metrics["train/clip_fraction"] > 0.05, "an update that clips nothing would prove little"
    agent = agent_with(page, trained.before)
    optimizer = torch.optim.Adam(agent.parameters(), lr=SETTINGS["learning_rate"], eps=1e-5)
    own = trained.batch
    batch = page.Batch(own.obs[0], own.actions[0], own.log_probs[0], own.advantages[0], own.returns[0])
    real = own.weights[0] > 0
    parts = (part for epoch in trained.order for part in epoch.chunk(SETTINGS["num_minibatches"]))
    settings = page.Settings(**SETTINGS)
    page.update(agent, optimizer, batch, (rows[real[rows]] for rows in parts), settings)
    for name, values in trained.after.items():
        on_page = agent.state_dict()[names_on_page(name)]
        moved = (values - trained.before[name]).abs().max()
        assert moved > 0.005, f"{name} hardly moved"
        torch.testing.assert_close(on_page, as_on_page(values), atol=1e-5, rtol=1e-4)


def test_the_page_trains_and_plays(page: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    agent = page.train(1, page.Settings(total_timesteps=10_240))
    returns = page.evaluate(agent, 2, seed=1)
    assert len(returns) == 2
    assert all(1 <= value <= 500 for value in returns)
    assert "mean return of 5 fresh episodes" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_page_solves_cartpole(page: ModuleType, seed: int) -> None:
    returns = page.evaluate(page.train(seed, page.Settings()), 20, seed)
    assert sum(returns) / len(returns) >= 475
