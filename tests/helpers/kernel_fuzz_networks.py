"""Calls of the kernels for networks and learning with shapes and numbers that nobody would choose."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ppo_cli.kernels import structs
from ppo_cli.kernels.acting import Actors, bend
from ppo_cli.kernels.judging import gae, judge, rewards_to_go
from ppo_cli.kernels.learning import (
    BatchArrays,
    Tape,
    TrainableArrays,
    backward,
    explained_variance,
    forward,
    loss_gradient,
    mean_metrics,
    take_step,
    update,
)

STRANGE = (0.0, -0.0, np.nan, np.inf, -np.inf, 1e300, -1e9, 1e-320)
BETA_NOISE = 24


def strange_numbers(choices: np.random.Generator, shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
    """Ordinary numbers, some of them replaced by those that break things."""
    numbers = choices.normal(size=shape) * 10.0 ** choices.integers(-3, 4)
    places = choices.random(shape) < choices.choice([0.0, 0.1, 1.0])
    with np.errstate(over="ignore"):
        return np.where(places, choices.choice(STRANGE, shape), numbers).astype(dtype)


def strange_network(
    choices: np.random.Generator,
    obs_size: int | None = None,
    num_actions: int | None = None,
    distributions: Sequence[str] = structs.DISTRIBUTIONS,
) -> structs.Network:
    """Any number of layers, from one unit on, and any other size that is not given."""
    distribution = str(choices.choice(distributions))
    obs_size, num_actions = (
        obs_size or int(choices.integers(1, 30)),
        num_actions or int(choices.integers(1, 20)),
    )
    num_outputs = 2 * num_actions if distribution == "beta" else num_actions
    head_width = num_outputs + int(choices.integers(0, 3))
    hidden = choices.integers(1, 40, size=choices.integers(1, structs.MAX_HIDDEN + 1)).tolist()
    sizes = (obs_size, *hidden, head_width)
    row_params = sum((before + 1) * after for before, after in pairwise(sizes))
    row_params += num_actions if distribution == "gaussian" else 0
    return structs.network(
        obs_size=obs_size, num_actions=num_actions, num_outputs=num_outputs, hidden_sizes=hidden,
        head_width=head_width, row_params=row_params, distribution=distribution,
        activation=str(choices.choice(structs.ACTIVATIONS)), critic=bool(choices.integers(2)),
    )  # fmt: skip


def strange_actions(network: structs.Network, shape: tuple[int, int], choices: np.random.Generator) -> Any:
    """Choices that there are, or any numbers."""
    if structs.DISTRIBUTIONS[network.distribution] == "categorical":
        return choices.integers(network.num_actions, size=shape)
    return strange_numbers(choices, (*shape, network.num_actions))


def fuzz_learning(lib: ctypes.CDLL, choices: np.random.Generator) -> None:
    """Gradients and updates of any loss, of no transitions and of no members too."""
    network = strange_network(choices)
    members, size = int(choices.integers(0, 3)), int(choices.integers(0, 70))
    params = strange_numbers(choices, (members, network.num_params))
    batch = _batch(network, members, size, choices)
    losses = structs.numbers(structs.Loss, members, _loss(choices))
    step = structs.Step((1e-3, 1e-2), float(choices.choice([0.5, math.inf])))
    steps = structs.numbers(structs.Step, members, step)
    trainable = TrainableArrays(
        params, *(np.abs(strange_numbers(choices, params.shape)) for _ in range(2)),
        np.array([float(choices.integers(0, 10**6)) for _ in range(members)]),
    )  # fmt: skip
    num_epochs, num_minibatches = int(choices.integers(0, 3)), int(choices.integers(1, max(2, size + 1)))
    order = np.array([[choices.permutation(size) for _ in range(num_epochs)] for _ in range(members)])
    order = order.reshape(members, num_epochs, size).astype(np.int64)
    if size:
        part = choices.integers(size, size=(members, int(choices.integers(1, size + 1))))
        loss_gradient(lib, network, losses, batch, params, part)
    update(lib, network, losses, steps, batch, trainable, order, num_minibatches)
    explained_variance(lib, batch)
    tape = Tape(lib, network, members, size)
    forward(lib, network, params, batch.obs, tape)
    grad_heads = strange_numbers(choices, (members, size, network.num_outputs))
    grad_log_std = (
        strange_numbers(choices, (members, network.num_actions)) if batch.old_log_std is not None else None
    )
    grads, norms = backward(
        lib, network, params, grad_heads, grad_log_std, strange_numbers(choices, (members, size)), tape
    )
    take_step(lib, network, steps, trainable, grads, norms, np.ones(members, np.bool_))


def _loss(choices: np.random.Generator) -> structs.Loss:
    coefs = {
        name: float(choices.choice([0.0, 0.5]))
        for name in ("kl_coef", "reference_coef", "vf_coef", "ent_coef")
    }
    limits = {name: float(choices.choice([0.2, math.inf])) for name in ("eps_low", "eps_high", "eps_clip_vf")}
    return structs.loss(
        str(choices.choice(structs.GAINS)), normalize_advantages=bool(choices.integers(2)),
        kl_limit=float(choices.choice([0.01, math.inf])), **coefs, **limits,
    )  # fmt: skip


def _batch(network: structs.Network, members: int, size: int, choices: np.random.Generator) -> BatchArrays:
    """A rollout in which everything is there that a loss may ask for."""
    log_probs, values, advantages, returns, ref = (
        strange_numbers(choices, (members, size)) for _ in range(5)
    )
    gaussian = structs.DISTRIBUTIONS[network.distribution] == "gaussian"
    return BatchArrays(
        obs=strange_numbers(choices, (members, size, network.obs_size)),
        actions=strange_actions(network, (members, size), choices),
        log_probs=log_probs,
        values=values,
        advantages=advantages,
        returns=returns,
        weights=(choices.random((members, size)) < choices.choice([0.0, 0.8])).astype(np.float32),
        old_head=strange_numbers(choices, (members, size, network.num_outputs)),
        old_log_std=strange_numbers(choices, (members, network.num_actions)) if gaussian else None,
        ref_log_probs=ref,
    )


def fuzz_judging(lib: ctypes.CDLL, choices: np.random.Generator) -> None:
    """What networks say of a rollout, and what its steps were worth."""
    network = strange_network(choices)
    members, size = int(choices.integers(0, 3)), int(choices.integers(0, 70))
    batch = _batch(network, members, size, choices)
    later = strange_numbers(choices, (members, size + int(choices.integers(0, 5)), network.obs_size))
    judge(
        lib, network, strange_numbers(choices, (members, network.num_params)), later, batch.actions,
        wanted=tuple(name for name, _ in structs.Judgement._fields_ if choices.random() < 0.7),
        old_head=batch.old_head, old_log_std=batch.old_log_std,
    )  # fmt: skip
    steps, envs = int(choices.integers(0, 20)), int(choices.integers(0, 20))
    rewards = strange_numbers(choices, (members, steps, envs))
    values = strange_numbers(choices, (members, steps + 1, envs))
    ended, cut = (choices.random((members, steps, envs)) < 0.2 for _ in range(2))
    gae(lib, rewards, values, ended, cut, np.full(members, 0.99), np.full(members, 0.95))
    given = values if choices.integers(2) else None
    rewards_to_go(lib, rewards, given, ended, cut, np.full(members, 0.99))


def fuzz_acting(lib: ctypes.CDLL, choices: np.random.Generator) -> None:
    """Actions with and without noise, for any number of environments."""
    network = strange_network(choices)
    members, envs = int(choices.integers(0, 3)), int(choices.integers(0, 40))
    actors = Actors(lib, network, strange_numbers(choices, (members, network.num_params)), envs)
    tail = {"categorical": (), "gaussian": (), "beta": (BETA_NOISE,)}[
        structs.DISTRIBUTIONS[network.distribution]
    ]
    for _ in range(3):
        obs = strange_numbers(choices, (members, envs, network.obs_size))
        noise = strange_numbers(choices, (members, envs, network.num_actions, *tail))
        actors.act(obs, noise if choices.integers(2) else None)
    bend(lib, strange_numbers(choices, (int(choices.integers(0, 40)),)))


def fuzz_means(lib: ctypes.CDLL, choices: np.random.Generator) -> None:
    """Means of any number of minibatches, of which some or none counted."""
    shape = (int(choices.integers(0, 4)), int(choices.integers(0, 7)), len(structs.METRICS))
    mean_metrics(lib, strange_numbers(choices, shape))


FUZZERS: dict[Any, set[str]] = {
    fuzz_learning: {
        "update", "update_scratch", "loss_gradient", "take_step", "explained_variance",
        "forward", "forward_tape", "backward", "backward_scratch",
    },
    fuzz_judging: {"judge", "judge_scratch", "gae", "rewards_to_go"},
    fuzz_acting: {"act", "actor_memory", "prepare_actors", "bend"},
    fuzz_means: {"mean_metrics"},
}  # fmt: skip
"""Each with the entry points that it covers."""
