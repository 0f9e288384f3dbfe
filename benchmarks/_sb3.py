"""Stable-Baselines3, as its users would set it up; each run is a process of its own.

``python benchmarks/_sb3.py ENV --seed 1 --mark 475 --cap 120`` trains until the mean return of the last 100
training episodes passes the mark, and prints one JSON document. With ``--steps 50_000`` it trains so many
steps whatever they come to; ``--settings ppo`` then takes the settings of ppo for that environment, with
``--set`` on top.

The settings are those of RL Zoo. Two things differ from what its helpers do by default: one torch thread,
as in ``ppo``; and, in its favour, no render mode. (``make_vec_env`` asks for ``rgb_array``, with which
LunarLander becomes many times slower, because the particles of its engines are only removed when a frame is
drawn.)
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

EPISODES = 100


@dataclass(frozen=True)
class ZooSettings:
    """RL Zoo's settings of one environment.

    Attributes:
        num_envs: Environments.
        total_timesteps: Steps of the whole training.
        fixed: Arguments of ``PPO``.
        linear: Arguments of ``PPO`` that fall in a straight line to 0.
    """

    num_envs: int
    total_timesteps: int
    fixed: dict[str, Any]
    linear: dict[str, float] = field(default_factory=dict)


ZOO = {
    "CartPole-v1": ZooSettings(
        num_envs=8,
        total_timesteps=100_000,
        fixed={
            "n_steps": 32,
            "batch_size": 256,
            "n_epochs": 20,
            "gamma": 0.98,
            "gae_lambda": 0.8,
            "ent_coef": 0.0,
        },
        linear={"learning_rate": 1e-3, "clip_range": 0.2},
    ),
    "LunarLander-v3": ZooSettings(
        num_envs=16,
        total_timesteps=1_000_000,
        fixed={
            "n_steps": 1024,
            "batch_size": 64,
            "n_epochs": 4,
            "gamma": 0.999,
            "gae_lambda": 0.98,
            "ent_coef": 0.01,
        },
    ),
}


def make_model(env_id: str, num_envs: int, seed: int, **settings: Any) -> PPO:
    """A PPO with environments that have no render mode, on the CPU."""
    envs = make_vec_env(env_id, n_envs=num_envs, seed=seed, env_kwargs={"render_mode": None})
    return PPO("MlpPolicy", envs, seed=seed, device="cpu", **settings)


class UntilMark(BaseCallback):
    """Stops as soon as the mean of the last 100 training episodes passes the mark, or the time is over.

    Args:
        mark: The mean return to reach.
        deadline: When to give up, on the clock of ``time.perf_counter``.
    """

    def __init__(self, mark: float, deadline: float) -> None:
        super().__init__()
        self.mark, self.deadline = mark, deadline
        self.met = False
        self.mean: float | None = None

    def _on_step(self) -> bool:
        episodes: Sequence[dict[str, float]] = self.model.ep_info_buffer or ()
        if self.locals["dones"].any() and len(episodes) == EPISODES:
            self.mean = float(np.mean([episode["r"] for episode in episodes]))
            self.met = self.mean >= self.mark
        return not self.met and time.perf_counter() < self.deadline


def train_to_mark(env_id: str, seed: int, mark: float, cap: float) -> dict[str, Any]:
    """Train with RL Zoo's settings until the mark, its number of steps or ``cap`` seconds."""
    torch.set_num_threads(1)
    zoo = ZOO[env_id]
    linear = {name: _linear(value) for name, value in zoo.linear.items()}
    callback = UntilMark(mark, time.perf_counter() + cap)
    model = make_model(env_id, zoo.num_envs, seed, **zoo.fixed, **linear)
    model.learn(zoo.total_timesteps, callback=callback)
    return {"met": callback.met, "steps": model.num_timesteps, "last_100_training_episodes": callback.mean}


def train_steps(
    env_id: str, seed: int, steps: int, settings: str, overrides: Sequence[str]
) -> dict[str, Any]:
    """Train about ``steps`` steps, whole rollouts; the seconds do not count imports and set-up."""
    torch.set_num_threads(1)
    zoo = ZOO[env_id] if settings == "zoo" else settings_of_ppo(env_id, overrides)
    linear = {name: _linear(value) for name, value in zoo.linear.items()}
    model = make_model(env_id, zoo.num_envs, seed, **zoo.fixed, **linear)
    began = time.perf_counter()
    model.learn(steps)
    return {"steps": model.num_timesteps, "seconds": time.perf_counter() - began}


def settings_of_ppo(env_id: str, overrides: Sequence[str]) -> ZooSettings:
    """The shipped settings of ppo with ``--set`` on top, in the words of Stable-Baselines3."""
    from common import REPOSITORY  # puts this checkout on the path

    from ppo_cli.config.resolve import resolve_config

    assert REPOSITORY.exists()
    config = resolve_config(env=env_id, overrides=overrides).config
    learning, layers = config.learning, list(config.network.hidden_sizes)
    rates = {"learning_rate": learning.learning_rate, "clip_range": learning.eps_clip}
    falling = {"learning_rate": learning.anneal_lr, "clip_range": learning.anneal_eps_clip}
    return ZooSettings(
        num_envs=config.rollout.num_envs,
        total_timesteps=config.total_timesteps,
        fixed={
            "n_steps": config.rollout.num_steps,
            "batch_size": config.steps_per_iteration // learning.num_minibatches,
            "n_epochs": learning.num_epochs,
            "gamma": learning.gamma,
            "gae_lambda": learning.gae_lambda,
            "ent_coef": learning.ent_coef,
            "vf_coef": learning.vf_coef,
            "max_grad_norm": learning.max_grad_norm,
            "policy_kwargs": {
                "net_arch": {"pi": layers, "vf": layers},
                "activation_fn": torch.nn.ReLU if config.network.activation == "relu" else torch.nn.Tanh,
            },
            **{name: rate for name, rate in rates.items() if not falling[name]},
        },
        linear={name: rate for name, rate in rates.items() if falling[name]},
    )


def _linear(initial: float) -> Any:
    return lambda remaining: initial * remaining


def main() -> None:
    """Train once and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("env", choices=sorted(ZOO))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--mark", type=float)
    parser.add_argument("--cap", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--settings", choices=["zoo", "ppo"], default="zoo")
    parser.add_argument("--set", action="append", default=[])
    args = parser.parse_args()
    if args.steps is not None:
        print(json.dumps(train_steps(args.env, args.seed, args.steps, args.settings, args.set)))
    else:
        print(json.dumps(train_to_mark(args.env, args.seed, args.mark, args.cap)))


if __name__ == "__main__":
    main()
