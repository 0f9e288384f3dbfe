"""One measurement of environment steps per second, in a process of its own; prints one JSON document.

``python benchmarks/_speed.py ppo --members 32 --threads 2 --engine torch``, or ``... sb3``.

What is counted is whole iterations of the training loop (collecting and updating), after a second of
warming up. Imports, start-up and evaluation are not in it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
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
        cpu: Processor seconds of this process; of the first and the last that are measured only, for asking
            costs a call of the kernel.
        steps: Environment steps so far, of all members.
        timings: Seconds so far by activity.
    """

    time: float
    cpu: float | None
    steps: int
    timings: Mapping[str, float]


class Clock:
    """Notes the ends of iterations and says when enough have been measured.

    Args:
        seconds: How long to measure, once warm.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.warm_at = time.perf_counter() + WARM_UP
        self.marks: list[Mark] = []

    def mark(self, steps: int, timings: Mapping[str, float] | None = None) -> None:
        """Note the end of an iteration; the first one after the warming up starts the measurement."""
        now = time.perf_counter()
        if now >= self.warm_at and steps > 0:
            is_end = not self.marks or now - self.marks[0].time >= self.seconds
            self.marks.append(Mark(now, time.process_time() if is_end else None, steps, timings or {}))

    def over(self) -> bool:
        """Whether the measured iterations took long enough."""
        return len(self.marks) > 1 and self.marks[-1].cpu is not None

    def result(self) -> dict[str, Any]:
        """Steps per second by the wall's clock and the processor's, and seconds by activity."""
        first, last = self.marks[0], self.marks[-1]
        assert first.cpu is not None and last.cpu is not None
        seconds, steps = last.time - first.time, last.steps - first.steps
        timings = {name: last.timings[name] - first.timings.get(name, 0.0) for name in last.timings}
        return {
            "steps_per_second": steps / seconds,
            "steps_per_cpu_second": steps / (last.cpu - first.cpu),
            "seconds": seconds,
            "timings": timings | {"the rest": seconds - sum(timings.values())} if timings else {},
        }


def measure_ppo(
    shared: SharedSettings,
    env_id: str,
    members: int,
    threads: int,
    seconds: float,
    *,
    engine: str = "auto",
    folders: bool = False,
    shipped: bool = False,
) -> Clock:
    """Train ``members`` seeds as one population: CartPole with the shared settings, others as shipped.

    ``shipped``: CartPole too, and with rollouts as long as they are shipped.
    """
    from ppo_cli.config.resolve import resolve_config, with_values
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.learn.population import Member, Population
    from ppo_cli.learn.trainer import train
    from ppo_cli.prepare.engine import with_engine
    from ppo_cli.prepare.launch import prepare_new

    if env_id == ENV_ID and not shipped:
        base = with_values(RunConfig(env_id=ENV_ID, total_timesteps=ENDLESS), _ppo_values(shared, threads))
    else:
        # short rollouts: an iteration of 128 members would last half a minute
        own = {"total_timesteps": ENDLESS, "num_evals": 0, "num_threads": threads}
        own |= {"env_workers": 0} if shipped else {"num_steps": 32}
        base = resolve_config(env=env_id, values=own).config
    base, _ = with_engine(with_values(base, {"engine": engine}))
    configs = [with_values(base, {"seed": seed}) for seed in range(1, members + 1)]
    with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as runs_dir:
        population = Population(tuple(Member(config) for config in configs))
        if folders:
            (population,) = prepare_new(
                configs, runs_dir=Path(runs_dir), name=None, env_requested=env_id, command=""
            )
        clock = Clock(seconds)
        for report in train(population):
            clock.mark(report.global_step * members, report.timings)
            if clock.over():
                break
    return clock


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


def measure_sb3(shared: SharedSettings, threads: int, seconds: float) -> Clock:
    """Train one seed with Stable-Baselines3 (``DummyVecEnv``, no render mode)."""
    import torch
    from _sb3 import make_model
    from stable_baselines3.common.callbacks import BaseCallback

    class Timekeeper(BaseCallback):
        """Tells the clock of each iteration: a new rollout starts where the last update ended."""

        def _on_rollout_start(self) -> None:
            clock.mark(self.num_timesteps)

        def _on_step(self) -> bool:
            return not clock.over()

    assert shared.activation == "tanh", "what Stable-Baselines3 uses by default"
    torch.set_num_threads(threads)
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
    clock = Clock(seconds)
    model.learn(ENDLESS, callback=Timekeeper())
    return clock


def main() -> None:
    """Measure once and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["ppo", "sb3"])
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--env", default=ENV_ID)
    parser.add_argument("--engine", choices=["auto", "compiled", "torch"], default="auto")
    parser.add_argument("--folders", action="store_true", help="write run folders, as `ppo train` does")
    parser.add_argument("--shipped", action="store_true", help="settings as shipped, stepped in one process")
    args = parser.parse_args()
    shared = SharedSettings()
    if args.program == "sb3":
        clock = measure_sb3(shared, args.threads, args.seconds)
    else:
        clock = measure_ppo(
            shared, args.env, args.members, args.threads, args.seconds,
            engine=args.engine, folders=args.folders, shipped=args.shipped,
        )  # fmt: skip
    print(json.dumps(clock.result()))


if __name__ == "__main__":
    main()
