"""Small runs in this process, from their settings to their end, stopped and resumed on the way."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from ppo_cli.config.algorithms import uses
from ppo_cli.config.resolve import resolve_config
from ppo_cli.config.schema import RunConfig
from ppo_cli.learn.iteration_report import IterationReport
from ppo_cli.learn.trainer import train
from ppo_cli.prepare.launch import prepare_new, prepare_resume
from ppo_cli.runs.run_dir import RunDir

SMALL = (
    "num_envs=4", "num_steps=16", "num_epochs=2", "num_minibatches=2", "hidden_sizes=[8]", "num_evals=8",
    "eval_episodes=2", "final_eval_episodes=3",
)  # fmt: skip
ITERATIONS = 6
EXPERIMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "vector environment, epochs cut short": ("CartPole-v1", ("target_kl=1e-4", "num_steps=8")),
    "continuous, observations normalised": ("Pendulum-v1", ("normalize_obs=true", "num_steps=80")),
    "Box2D, potential": ("LunarLander-v3", ("mode=potential", "distance=50", "num_steps=40")),
    "several terms, clipped values": (
        "MountainCarContinuous-v0",
        ("mode=add", "height=2", "eps_clip_vf=0.3", "num_evals=2"),
    ),
    "Beta actions": ("Pendulum-v1", ("policy=beta", "num_steps=80", "ent_coef=0.01")),
    "squashed actions": ("LunarLanderContinuous-v3", ("squash=true", "num_steps=40")),
    "time limits": ("Acrobot-v1", ("normalize_obs=true", "num_steps=100", "mode=log")),
    "a coefficient that adapts": ("CartPole-v1", ("algorithm=ppo-kl", "kl_target=1e-4", "kl_coef=0.1")),
    "whole episodes": (
        "CartPole-v1",
        ("algorithm=reinforce", "num_steps=64", "env_kwargs={max_episode_steps: 20}", "normalize_obs=true"),
    ),
    "groups held to the policy of the start": (
        "Pendulum-v1",
        (
            "algorithm=grpo",
            "group_size=2",
            "kl_coef=0.3",
            "num_steps=64",
            "env_kwargs={max_episode_steps: 20}",
            "normalize_obs=true",
        ),
    ),
    "one pass, no clipping": ("CartPole-v1", ("algorithm=a2c", "normalize_obs=true", "num_steps=8")),
    "a penalty in the place of clipping": (
        "LunarLander-v3",
        ("algorithm=spo", "mode=add", "angle=5", "num_steps=40", "tensorboard=true", "keep_policies=3"),
    ),
}
"""Environments and settings that differ in what a checkpoint must hold, by what is special."""


def config_of(env: str, *settings: str, iterations: int = ITERATIONS, seed: int = 1) -> RunConfig:
    chosen = next((word for word in settings if word.startswith("algorithm=")), "algorithm=ppo-clip")
    algorithm = chosen.partition("=")[2]
    overrides = [word for word in SMALL if uses(algorithm, word.partition("=")[0])] + list(settings)
    config = resolve_config(env=env, config_file=None, overrides=overrides).config
    steps = iterations * config.rollout.num_envs * config.rollout.num_steps
    return resolve_config(
        env=env,
        config_file=None,
        overrides=overrides,
        values={"total_timesteps": steps, "seed": seed},
    ).config


def start(config: RunConfig, runs_dir: Path, stop_at: int | None = None) -> RunDir:
    """Train a new run, up to an iteration if one is given."""
    (population,) = prepare_new(
        [config], runs_dir=runs_dir, name=None, env_requested=config.env_id, command="test"
    )
    run = population.members[0].run_dir
    assert run is not None
    play(train(population, until=stop_at))
    return run


def resume(run: RunDir, stop_after: int | None = None, total_timesteps: int | None = None) -> IterationReport:
    """Go on with a run, for some iterations if a number is given; the last report."""
    (population,) = prepare_resume([str(run.path)], runs_dir=run.path.parent, total_timesteps=total_timesteps)
    done = population.members[0].iteration
    return play(train(population, until=None if stop_after is None else done + stop_after))


def play(reports: Iterator[IterationReport]) -> IterationReport:
    *_, last = reports
    return last


def stopping_when_asked(times: int) -> Callable[[], bool]:
    """A ``stop`` that is true from the given call on: it is asked after iterations and while evaluating."""
    asked = itertools.count(1)
    return lambda: next(asked) >= times
