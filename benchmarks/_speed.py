"""One measurement of environment steps per second, in a process of its own; prints one JSON document.

``python benchmarks/_speed.py ppo --members 32 --threads 2`` or ``python benchmarks/_speed.py sb3``.

What is counted is whole iterations of the training loop (collecting and updating), after a second of
warming up. Imports, start-up and evaluation are not in it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENV_ID = "CartPole-v1"
ENDLESS = 10**9
WARM_UP = 1.0  # seconds


@dataclass(frozen=True)
class SharedSettings:
    """Hyperparameters of both programs."""

    num_envs: int = 4
    num_steps: int = 128
    num_epochs: int = 4
    num_minibatches: int = 4
    hidden_size: int = 64
    activation: str = "tanh"
    learning_rate: float = 2.5e-4
    gamma: float = 0.99
    gae_lambda: float = 0.95
    eps_clip: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5


@dataclass(frozen=True)
class Mark:
    """The end of an iteration.

    Attributes:
        time: On the clock of ``time.perf_counter``.
        steps: Environment steps so far, of all members.
        timings: Seconds so far by activity.
    """

    time: float
    steps: int
    timings: Mapping[str, float] = field(default_factory=dict)


def speed(marks: list[Mark]) -> dict[str, Any]:
    """Steps per second and seconds by activity, from the first mark after the warming up to the last one."""
    first = next(mark for mark in marks if mark.time >= marks[0].time + WARM_UP)
    last = marks[-1]
    if last is first:
        raise SystemExit("no iteration was complete: give more --seconds")
    seconds = last.time - first.time
    timings = {name: last.timings[name] - first.timings.get(name, 0.0) for name in last.timings}
    return {
        "steps_per_second": (last.steps - first.steps) / seconds,
        "seconds": seconds,
        "timings": timings | {"the rest": seconds - sum(timings.values())} if timings else {},
    }


def measure_ppo(
    shared: SharedSettings, members: int, threads: int, seconds: float, *, folders: bool
) -> list[Mark]:
    """Train ``members`` seeds as one population."""
    from ppo_cli.config import RunConfig, with_values
    from ppo_cli.launch import prepare_new
    from ppo_cli.population import Member, Population
    from ppo_cli.trainer import train

    base = RunConfig(env_id=ENV_ID, total_timesteps=ENDLESS)
    configs = [
        with_values(base, _ppo_values(shared, threads) | {"seed": seed}) for seed in range(1, members + 1)
    ]
    marks = [Mark(time.perf_counter(), 0)]
    with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as runs_dir:
        if folders:
            (population,) = prepare_new(
                configs, runs_dir=Path(runs_dir), name=None, env_requested=ENV_ID, command=""
            )
        else:
            population = Population(tuple(Member(config) for config in configs))
        deadline = time.perf_counter() + WARM_UP + seconds
        for report in train(population, stop=lambda: time.perf_counter() > deadline):
            steps = report.global_step * members
            marks.append(Mark(time.perf_counter(), steps, report.timings))
    return marks[:-1]  # the last report comes after the files have been closed


def _ppo_values(shared: SharedSettings, threads: int) -> dict[str, Any]:
    return {
        "num_envs": shared.num_envs,
        "num_steps": shared.num_steps,
        "num_epochs": shared.num_epochs,
        "num_minibatches": shared.num_minibatches,
        "hidden_sizes": (shared.hidden_size, shared.hidden_size),
        "activation": shared.activation,
        "learning_rate": shared.learning_rate,
        "anneal_lr": False,
        "gamma": shared.gamma,
        "gae_lambda": shared.gae_lambda,
        "eps_clip": shared.eps_clip,
        "ent_coef": shared.ent_coef,
        "vf_coef": shared.vf_coef,
        "max_grad_norm": shared.max_grad_norm,
        "num_evals": 0,
        "num_threads": threads,
    }


def measure_sb3(shared: SharedSettings, threads: int, seconds: float) -> list[Mark]:
    """Train one seed with Stable-Baselines3 (``DummyVecEnv``, no render mode)."""
    import torch
    from _sb3 import make_model
    from stable_baselines3.common.callbacks import BaseCallback

    class Clock(BaseCallback):
        """Notes the end of each iteration and stops in time."""

        def _on_training_start(self) -> None:
            self.deadline = time.perf_counter() + WARM_UP + seconds

        def _on_rollout_start(self) -> None:
            marks.append(Mark(time.perf_counter(), self.num_timesteps))

        def _on_step(self) -> bool:
            return time.perf_counter() < self.deadline

    assert shared.activation == "tanh", "what Stable-Baselines3 uses by default"
    torch.set_num_threads(threads)
    marks: list[Mark] = []
    layers = [shared.hidden_size, shared.hidden_size]
    model = make_model(
        ENV_ID,
        shared.num_envs,
        seed=1,
        n_steps=shared.num_steps,
        batch_size=shared.num_envs * shared.num_steps // shared.num_minibatches,
        n_epochs=shared.num_epochs,
        learning_rate=shared.learning_rate,
        gamma=shared.gamma,
        gae_lambda=shared.gae_lambda,
        clip_range=shared.eps_clip,
        ent_coef=shared.ent_coef,
        vf_coef=shared.vf_coef,
        max_grad_norm=shared.max_grad_norm,
        policy_kwargs={"net_arch": {"pi": layers, "vf": layers}},
    )
    model.learn(ENDLESS, callback=Clock())
    return marks


def main() -> None:
    """Measure once and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["ppo", "sb3"])
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--folders", action="store_true", help="write run folders, as `ppo train` does")
    args = parser.parse_args()
    shared = SharedSettings()
    if args.program == "sb3":
        marks = measure_sb3(shared, args.threads, args.seconds)
    else:
        marks = measure_ppo(shared, args.members, args.threads, args.seconds, folders=args.folders)
    print(json.dumps(speed(marks)))


if __name__ == "__main__":
    main()
