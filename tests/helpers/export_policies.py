"""Policies of every kind, made without training, and observations that reach into every corner of them."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from ppo_cli.export.origin import Evaluation, Origin
from ppo_cli.play.policy import Policy, PolicyShape
from ppo_cli.rng import Stream, generator
from ppo_cli.spaces import ActionSpec, EnvSpec

OBS_SIZE, NUM_ACTIONS, CLIP_OBS = 5, 3, 3.0
EVERY_KIND = list(itertools.product(("discrete", "box"), ("relu", "tanh"), (False, True)))
EVERY_KIND += [("squashed", "tanh", True), ("beta", "relu", False)]
KIND_IDS = [f"{kind}-{act}-{'normalized' if norm else 'raw'}" for kind, act, norm in EVERY_KIND]
BOX = ActionSpec("box", NUM_ACTIONS, (-1.0, -0.25, 0.1), (0.5, 0.25, 2.0))
ORIGIN = Origin(
    run="Maze-v0-ppo-clip-s1",
    env_id="Maze-v0",
    env_kwargs={"size": 3},
    algorithm="ppo-clip",
    seed=1,
    best=False,
    evaluation=Evaluation(12.5, 1.25, (12.25, 12.75), 100, True, "2026-01-02T03:04:05+00:00"),
    best_return=13.0,
)


def make_policy(
    kind: str = "discrete",
    activation: str = "relu",
    normalize_obs: bool = True,
    *,
    hidden_sizes: tuple[int, ...] = (16, 8),
    action: ActionSpec | None = None,
    clip_obs: float = CLIP_OBS,
    env_id: str = "Maze-v0",
    critic: bool = True,
) -> Policy:
    """A policy that takes every action, with statistics far from 0 and 1."""
    action = action or (ActionSpec("discrete", NUM_ACTIONS) if kind == "discrete" else BOX)
    spec = EnvSpec(env_id, OBS_SIZE, action, max_episode_steps=10, reward_threshold=475.0)
    shape = PolicyShape(
        spec, hidden_sizes, activation, normalize_obs, clip_obs,
        policy="beta" if kind == "beta" else "gaussian", squash=kind == "squashed", critic=critic,
    )  # fmt: skip
    net = shape.network()
    params = net.init([generator(4, Stream.INIT)], [0.3])[0]
    for value in net.named_parameters(params).values():
        value += 0.3 * torch.randn(value.shape, generator=torch.Generator().manual_seed(len(value)))
    rng = np.random.default_rng(5)
    mean, var = rng.normal(scale=3.0, size=OBS_SIZE), rng.uniform(0.01, 9.0, OBS_SIZE)
    policy = Policy(shape, params, torch.from_numpy(mean), torch.from_numpy(var))
    location, _ = logits_and_values(policy, observations(policy, 500))
    head = policy.net.named_parameters(policy.params[0])[f"actor.{len(hidden_sizes)}.bias"]
    head.sub_(torch.from_numpy(location.mean(0)))
    return policy


def observations(policy: Policy, count: int, spread: float = 2.0) -> np.ndarray:
    """Observations around the policy's mean, some of which are clipped at ``CLIP_OBS``."""
    noise = np.random.default_rng(6).normal(scale=spread, size=(count, OBS_SIZE))
    return (policy.obs_mean.numpy() + noise * policy.obs_var.sqrt().numpy()).astype(np.float32)


def logits_and_values(policy: Policy, obs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What our own networks say: logits or means [B, A], and values [B]."""
    output, values = policy.net.forward(policy.params, policy.normalizer(torch.from_numpy(obs)[None]))
    return output.head[0].numpy().copy(), values[0].numpy().copy()


class Maze(gym.Env[np.ndarray, Any]):
    """The spaces of these policies; every step rewards 1, and an episode has ten."""

    def __init__(self, action: ActionSpec | None = None, size: int = 0) -> None:
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (OBS_SIZE,), np.float32)
        self.action_space: gym.spaces.Space[Any] = gym.spaces.Discrete(NUM_ACTIONS)
        if action is not None and action.kind == "box":
            low, high = (np.array(bound, np.float32) for bound in (action.low, action.high))
            self.action_space = gym.spaces.Box(low, high, dtype=np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        return self.np_random.normal(size=OBS_SIZE).astype(np.float32), {}

    def step(self, action: Any):
        assert self.action_space.contains(action), action
        return self.np_random.normal(size=OBS_SIZE).astype(np.float32), 1.0, False, False, {}
