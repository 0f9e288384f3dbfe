"""Scenes: a trained policy, one that was kept on the way, or chance, in its environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from ppo_cli.config.resolve import load_config
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.factory import env_spec
from ppo_cli.envs.from_settings import shaping_params
from ppo_cli.envs.shaping import ShapingParams
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.film.shots import Array
from ppo_cli.play.policy import Policy, load_policy
from ppo_cli.render.display import without_display
from ppo_cli.runs.kept_policies import kept_policies
from ppo_cli.runs.run_dir import RunDir

Agent = Callable[[Array], Any]  # an observation to an action as the environment takes it


@dataclass(frozen=True)
class Scene:
    """A player and the environment that it plays.

    Attributes:
        env_id: The environment.
        env_kwargs: Arguments of its constructor.
        make_agent: The agent of one episode, from the environment's action space and the episode's seed.
        shaping: How the agent's rewards were shaped; the overlay shows the terms.
    """

    env_id: str
    env_kwargs: Mapping[str, Any]
    make_agent: Callable[[gym.Space[Any], int], Agent]
    shaping: ShapingParams = field(default_factory=ShapingParams)


@dataclass(frozen=True)
class Panel:
    """A scene in a film that shows several.

    Attributes:
        scene: Who plays what.
        label: What is written above it; empty for a scene alone.
        about: What a report says of it beside its episodes.
    """

    scene: Scene
    label: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


def run_scene(run: RunDir, *, best: bool = False, deterministic: bool = True) -> Scene:
    """The policy of a run in its environment.

    Args:
        run: The run.
        best: Take the policy with the best evaluation instead of the last one.
        deterministic: Take the most likely action each time instead of a sample.

    Raises:
        UsageError: The run has no policy yet, or its environment cannot be made.
        CorruptFileError: Its files are damaged or do not belong together.
    """
    config = load_config(run.config_path)
    policy = load_policy(run.path, best=best)
    return _scene(run, config, policy, deterministic=deterministic)


def random_scene(env_id: str, like: Scene | None = None) -> Scene:
    """An agent that knows nothing: every action is as likely as any other.

    Args:
        env_id: The environment.
        like: A scene whose environment it is to play, arguments and shaping included.
    """

    def make_agent(space: gym.Space[Any], seed: int) -> Agent:
        space.seed(seed % 2**32)
        return lambda obs: space.sample()

    if like is not None:
        return Scene(like.env_id, like.env_kwargs, make_agent, like.shaping)
    return Scene(env_id, {}, make_agent)


def kept_panels(run: RunDir, *, deterministic: bool = True) -> list[Panel]:
    """The policies that a run kept while it trained, oldest first, labelled with their steps.

    Args:
        run: The run.
        deterministic: Take the most likely action each time instead of a sample.

    Raises:
        UsageError: It kept none.
        CorruptFileError: One is damaged or does not belong to the run.
    """
    config = load_config(run.config_path)
    kept = kept_policies(run)
    if not kept:
        raise UsageError(
            f"{run.path} has no policies from the way to show the progress with",
            hint="Train with --set keep_policies=10: so many are kept, evenly spaced.",
            key="output.keep_policies",
            file=run.policies_path,
        )
    return [
        Panel(
            _scene(run, config, Policy.load(policy.path), deterministic=deterministic),
            f"trained for {policy.steps:,} steps" if policy.steps else "untrained",
            {"run_dir": str(run.path), "global_step": policy.steps},
        )
        for policy in kept
    ]


def check_same_env(panels: Mapping[Path, Scene]) -> None:
    """Refuse scenes of different environments: nothing is compared by looking at them side by side.

    Args:
        panels: Each scene by the folder of its run.

    Raises:
        UsageError: They differ.
    """
    (first, scene), *others = panels.items()
    for path, other in others:
        if other.env_id == scene.env_id and dict(other.env_kwargs) != dict(scene.env_kwargs):
            raise UsageError(
                f"{path} plays {other.env_id} with env_kwargs {dict(other.env_kwargs)}, and {first} with "
                f"{dict(scene.env_kwargs)}",
                hint="side by side are policies of one environment; render the others on their own",
                key="env_kwargs",
            )
        if other.env_id != scene.env_id:
            raise UsageError(
                f"{path} plays {other.env_id}, and {first} plays {scene.env_id}",
                hint="side by side are policies of one environment; render the others on their own",
                key="env_id",
            )


def _scene(run: RunDir, config: RunConfig, policy: Policy, *, deterministic: bool) -> Scene:
    torch.set_num_threads(1)
    without_display()
    spec, trained = env_spec(config.env_id, config.env_kwargs), policy.shape.spec
    if (spec.obs_size, spec.action) != (trained.obs_size, trained.action):
        raise CorruptFileError(
            f"{run.path}: the policy was trained on {trained.env_id} and does not fit {config.env_id} "
            "as config.yaml describes it",
            file=run.config_path,
        )

    def make_agent(space: gym.Space[Any], seed: int) -> Agent:
        own = Policy(policy.shape, policy.params[0], policy.obs_mean, policy.obs_var, seed=seed)
        return lambda obs: _sendable(own.predict(obs, deterministic=deterministic)[0], space)

    return Scene(config.env_id, config.env_kwargs, make_agent, shaping_params(config))


def _sendable(action: Any, space: gym.Space[Any]) -> Any:
    """An action of :meth:`Policy.predict` as the environment takes it."""
    if isinstance(space, gym.spaces.Discrete):
        return space.start + space.dtype.type(action)
    return np.asarray(action, dtype=space.dtype).reshape(space.shape)
