"""One round of ``roofline.py``, in a process of its own; prints one JSON document."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from roofline import products

from ppo_cli.config.resolve import resolve_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.factory import make_env, spec_of
from ppo_cli.kernels import learning, structs
from ppo_cli.kernels.library import available, loaded_kernels
from ppo_cli.learn.agent import Agent
from ppo_cli.learn.batch import Batch
from ppo_cli.learn.build import make_agent
from ppo_cli.learn.compiled_update import batch_arrays, improve, losses_of
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.optimise import Trainable

OBS, OUTPUTS, HIDDEN = 4, 2, (64, 64)
SIZE, EPOCHS, MINIBATCHES = 512, 4, 4
PART = SIZE // MINIBATCHES
LARGE = 1024


def time_of(work: Callable[[], object], seconds: float) -> float:
    """Processor seconds of a call, the mean of as many as fit; the first one is not counted."""
    work()
    calls, began = 0, time.process_time()
    while calls < 3 or time.process_time() - began < seconds:
        work()
        calls += 1
    return (time.process_time() - began) / calls


def large_products() -> dict[str, tuple[Callable[[], object], float]]:
    """Products of large matrices: what to call, and its operations."""
    a, b = (np.random.default_rng(seed).random((LARGE, LARGE), np.float32) for seed in (0, 1))
    x, y = torch.from_numpy(a), torch.from_numpy(b)
    operations = 2.0 * LARGE**3
    return {"numpy": (lambda: a @ b, operations), "torch": (lambda: x @ y, operations)}


def batched_products(members: int) -> tuple[Callable[[], object], float]:
    """The products of one gradient step, actor and critic side by side as in the torch engine."""
    pairs = []
    for index, (below, size) in enumerate(pairwise((OBS, *HIDDEN, OUTPUTS))):
        inputs, weights = torch.rand(2 * members, PART, below), torch.rand(2 * members, below, size)
        grads = torch.rand(2 * members, PART, size)
        pairs += [(inputs, weights), (inputs.transpose(1, 2), grads)]
        pairs += [(grads, weights.transpose(1, 2))] if index else []
    operations = sum(2.0 * a.shape[0] * a.shape[1] * a.shape[2] * b.shape[2] for a, b in pairs)
    return lambda: [torch.bmm(a, b) for a, b in pairs], operations


class Updates:
    """Updates of some members on a made-up rollout, by one engine.

    Args:
        engine: ``compiled`` or ``torch``.
        members: How many.
        activation: Of the networks.
    """

    def __init__(self, engine: str, members: int, activation: str = "tanh") -> None:
        values = {"hidden_sizes": HIDDEN, "activation": activation, "engine": engine}
        values |= {"num_envs": 4, "num_steps": 128, "num_epochs": EPOCHS, "num_minibatches": MINIBATCHES}
        self.config: RunConfig = with_values(resolve_config(env="CartPole-v1").config, values)
        self.members = members
        self.agent: Agent = make_agent(self.config, spec_of("CartPole-v1", make_env("CartPole-v1", {})))
        self.hyper = Hyperparams.stack([self.config] * members)
        rngs = [np.random.default_rng(seed) for seed in range(members)]
        self.params = self.agent.net.init(rngs, [0.0] * members)
        shape = (members, SIZE)
        self.batch = Batch(
            obs=torch.randn(*shape, OBS),
            actions=torch.randint(OUTPUTS, shape),
            log_probs=torch.full(shape, -0.7),
            values=torch.randn(shape),
            advantages=torch.randn(shape),
            returns=torch.randn(shape),
            weights=torch.ones(shape),
        )

    def update(self) -> object:
        """A whole update: epochs of minibatches, each a gradient step."""
        trainable = Trainable.fresh(self.params.clone())
        seeds = range(self.members)
        return improve(self.agent, trainable, self.batch, self.hyper, seeds, 0, EPOCHS, MINIBATCHES)


def kernel_calls() -> dict[str, tuple[Callable[[], object], float]]:
    """The kernels' forward pass, gradient and update of one member, with their operations."""
    lib, forward, gradient = loaded_kernels(), *products(OBS, OUTPUTS, HIDDEN)
    relu, tanh = Updates("compiled", 1, "relu"), Updates("compiled", 1)
    net: Any = tanh.agent.net
    relu_net: Any = relu.agent.net
    network: structs.Network = net.network
    tape = learning.Tape(lib, relu_net.network, 1, SIZE)
    obs, params, order = tanh.batch.obs.numpy(), tanh.params.numpy(), np.arange(PART)[None]
    fused = tanh.agent.algorithm.fused_loss(tanh.hyper)
    assert fused is not None
    losses, arrays = losses_of(fused, tanh.hyper), batch_arrays(tanh.batch)
    return {
        "forward": (lambda: learning.forward(lib, relu_net.network, params, obs, tape), SIZE * forward),
        "gradient": (
            lambda: learning.loss_gradient(lib, network, losses, arrays, params, order),
            PART * gradient,
        ),
        "update": (tanh.update, EPOCHS * SIZE * gradient),
    }


def main() -> None:
    """Measure once and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=1.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    library = available()
    if isinstance(library, str):
        raise SystemExit(f"there are no compiled kernels: {library}")
    _, gradient = products(OBS, OUTPUTS, HIDDEN)
    calls = large_products() | {f"bmm-{members}": batched_products(members) for members in (1, 32)}
    calls |= kernel_calls()
    for members in (1, 32):
        calls[f"engine-torch-{members}"] = (
            Updates("torch", members).update,
            members * EPOCHS * SIZE * gradient,
        )
    seconds = {name: time_of(work, args.seconds) for name, (work, _) in calls.items()}
    steps = {"bmm-1": 1, "bmm-32": 32, "gradient": 1, "update": EPOCHS * MINIBATCHES}
    steps |= {f"engine-torch-{members}": members * EPOCHS * MINIBATCHES for members in (1, 32)}
    document = {
        "instruction_set": library.instruction_set,
        "gflops": {name: operations / seconds[name] / 1e9 for name, (_, operations) in calls.items()},
        "microseconds": {name: 1e6 * seconds[name] / count for name, count in steps.items()},
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
