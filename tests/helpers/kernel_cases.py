"""The compiled kernels of this machine, and learners of any kind to hold them to torch."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor

from helpers.training_helpers import make_config
from ppo_cli.config.algorithms import ALGORITHMS, uses
from ppo_cli.kernels.build import BuildError, build
from ppo_cli.kernels.library import available
from ppo_cli.kernels.signatures import declare
from ppo_cli.kernels.targets import TARGETS, library_path, this_target
from ppo_cli.learn.agent import Agent, total_loss
from ppo_cli.learn.algorithms.registry import make_algorithm
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.compiled import CompiledActorCritic
from ppo_cli.nn.distributions import make_distribution
from ppo_cli.nn.policy_output import PolicyOutput
from ppo_cli.spaces import ActionSpec, EnvSpec

DISTRIBUTIONS: dict[str, dict[str, Any]] = {
    "categorical": {},
    "gaussian": {"policy": "gaussian"},
    "squashed": {"policy": "gaussian", "squash": True},
    "beta": {"policy": "beta"},
}


@lru_cache
def libraries() -> dict[str, ctypes.CDLL] | str:
    """The libraries that run here, by instruction set, the best one first; or why there is none."""
    target = this_target()
    try:
        build(target)
    except BuildError as error:
        return str(error)
    best = available()
    if isinstance(best, str):
        return best
    levels = list(TARGETS[target].levels)
    usable = levels[: levels.index(best.instruction_set) + 1]
    return {level: declare(ctypes.CDLL(str(library_path(target, level)))) for level in reversed(usable)}


def some_library() -> ctypes.CDLL:
    """The best library, or the test is skipped, with the reason."""
    return all_libraries()[0]


def all_libraries() -> list[ctypes.CDLL]:
    """One for each instruction set that this machine has."""
    built = libraries()
    if isinstance(built, str):
        pytest.skip(f"no compiled kernels here: {built}")
    return list(built.values())


@dataclass
class Case:
    """Members with a rollout behind them, and policies that have moved since.

    Attributes:
        agent: Networks, distribution and algorithm.
        hyper: Settings, others for each member.
        params: As they are now, ``[M, P]``.
        batch: The rollout, with weights as they are before minibatches are cut.
    """

    agent: Agent
    hyper: Hyperparams
    params: Tensor
    batch: Batch


def make_case(
    algorithm: str = "ppo-clip",
    distribution: str = "categorical",
    *,
    hidden: Sequence[int] = (64, 64),
    activation: str = "tanh",
    size: int = 168,
    members: int = 2,
    obs_size: int = 4,
    num_actions: int = 3,
    fillers: float = 0.1,
    settings: dict[str, Any] | None = None,
) -> Case:
    """A case from random numbers.

    Args:
        algorithm: Its name.
        distribution: One of ``DISTRIBUTIONS``.
        hidden: Units of each hidden layer.
        activation: ``"relu"`` or ``"tanh"``.
        size: Transitions: B.
        members: M.
        obs_size: O.
        num_actions: A.
        fillers: Share of transitions that do not count.
        settings: More settings of the algorithm, where it uses them.
    """
    rng = torch.Generator().manual_seed(7)
    wanted = {"ent_coef": 0.3, "eps_clip_vf": 0.2, "kl_coef": 0.7, "clip_higher": 0.4} | (settings or {})
    own = {name: value for name, value in wanted.items() if name == "ent_coef" or uses(algorithm, name)}
    configs = [
        make_config("CartPole-v1", algorithm=algorithm, num_envs=8, num_steps=24, seed=m, **own)
        for m in range(members)
    ]
    hyper = Hyperparams.stack(configs)
    hyper = replace(hyper, vf_coef=hyper.vf_coef * torch.linspace(1, 2, members))
    kind = "discrete" if distribution == "categorical" else "box"
    bounds = () if kind == "discrete" else (-1.0,) * num_actions
    action = ActionSpec(kind, num_actions, bounds, tuple(-low for low in bounds))
    spec = EnvSpec("Case-v0", obs_size, action)
    options = DISTRIBUTIONS[distribution]
    facts = ALGORITHMS[algorithm]
    critic = facts.critic(configs[0].learning)
    net = ActorCritic(spec, hidden, activation, options.get("policy", "gaussian"), critic)
    agent = Agent(net, make_distribution(action, **options), make_algorithm(algorithm, configs[0].learning))
    old_params = random_params(net, members, rng)
    params = old_params + 0.03 * random_params(net, members, rng)
    batch = random_batch(
        agent, old_params, size, fillers, facts.reference(configs[0].learning) is not None, rng
    )
    return Case(agent, hyper, params, batch)


def random_params(net: ActorCritic, members: int, rng: torch.Generator) -> Tensor:  # [M, P]
    """Parameters whose outputs are neither all alike nor extreme; zero where a head is not used."""
    rows = []
    for _ in range(members):
        row = net.empty_member()
        for value in net.named_parameters(row).values():
            value += torch.randn(value.shape, generator=rng) / max(1.0, float(value.shape[0])) ** 0.5
        rows.append(row)
    return torch.stack(rows)


def random_batch(
    agent: Agent, old_params: Tensor, size: int, fillers: float, reference: bool, rng: torch.Generator
) -> Batch:
    """A rollout of ``size`` transitions of each member, as if collected with ``old_params``."""
    members, net, distribution = len(old_params), agent.net, agent.distribution

    def normal(*shape: int) -> Tensor:
        return torch.randn(members, size, *shape, generator=rng)

    obs = normal(net.spec.obs_size)
    old, values = net.forward(old_params, obs)
    old, values = old.clone(), values.clone()
    if not net.continuous:
        actions = torch.randint(net.num_actions, (members, size), generator=rng)
    elif net.has_log_std:
        actions = old.head + normal(net.num_actions)
    else:
        actions = torch.rand(members, size, net.num_actions, generator=rng).clamp(0.01, 0.99)
    log_probs = distribution.log_prob(old, actions)
    return Batch(
        obs=obs,
        actions=actions,
        log_probs=log_probs,
        values=values + 0.1 * normal(),
        advantages=normal() + 0.3,
        returns=values + normal(),
        weights=(torch.rand(members, size, generator=rng) >= fillers).float(),
        old_policy=old if agent.algorithm.needs_kl else None,
        ref_log_probs=log_probs + 0.2 * normal() if reference else None,
    )


def exact_gradient(case: Case, part: Batch) -> Tensor:  # [M, P] float64
    """The gradient of the total loss on a minibatch, by autograd, in double precision."""
    net, agent = case.agent.net, case.agent
    params = case.params.double().requires_grad_()
    double = {
        name: values.double() if isinstance(values, Tensor) and values.is_floating_point() else values
        for name, values in vars(part).items()
    }
    if part.old_policy is not None:
        old, log_std = part.old_policy.head, part.old_policy.log_std
        double["old_policy"] = PolicyOutput(old.double(), None if log_std is None else log_std.double())
    batch = Batch(**double)
    rows = params.view(-1, net.mlp.row_params)
    stride = len(rows) // len(params)
    heads = [_run(net, rows[first::stride], batch.obs) for first in range(stride)]
    log_std = rows[::stride, net.mlp.layer_params :][:, None] if net.has_log_std else None
    output = PolicyOutput(heads[0][..., : net.num_outputs], log_std)
    values = heads[1][..., 0] if net.critic else torch.zeros_like(batch.advantages)
    policy = PolicyView.of_output(agent.distribution, output, batch)
    loss = total_loss(agent, policy, values, batch, case.hyper)
    (grad,) = torch.autograd.grad(loss.sum(), params)
    return grad


def _run(net: ActorCritic, rows: Tensor, obs: Tensor) -> Tensor:
    """One network of each member, in the plainest way."""
    activate = torch.tanh if net.mlp.activation_name == "tanh" else torch.relu
    layers, out = net.mlp.layers(rows), obs
    for index, (weight, bias) in enumerate(layers):
        out = out @ weight + bias
        if index < len(layers) - 1:
            out = activate(out)
    return out


def compiled(lib: ctypes.CDLL, agent: Agent, num_threads: int = 1) -> Agent:
    """The agent with compiled networks."""
    return replace(agent, net=CompiledActorCritic(lib, agent.net, num_threads))
