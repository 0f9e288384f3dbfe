"""Environments as documents, for ``ppo envs``."""

from __future__ import annotations

from typing import Any

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.resolve import resolve_config
from ppo_cli.config.shipped import shipped_config_for
from ppo_cli.envs.factory import env_spec
from ppo_cli.envs.registry import KnownEnv
from ppo_cli.errors import PpoError


def describe_env(env: KnownEnv) -> dict[str, Any]:
    """An environment's document; without its spaces where it cannot be made (Box2D is missing, say)."""
    document: dict[str, Any] = {
        "env_id": env.env_id,
        "task": env.task,
        "reward_threshold": env.reward_threshold,
        "max_episode_steps": env.max_episode_steps,
        "total_timesteps": None,
        "algorithms": [name for name in ALGORITHMS if shipped_config_for(env.env_id, name)],
        "observation": None,
        "actions": None,
    }
    try:
        document["total_timesteps"] = resolve_config(env=env.env_id, config_file=None).config.total_timesteps
        spec = env_spec(env.env_id, {})
    except PpoError as error:
        return {**document, "problem": error.message}
    kind = "choice" if spec.action.kind == "discrete" else "number"
    actions = f"{spec.action.size} {kind}{'' if spec.action.size == 1 else 's'}"
    return {**document, "observation": spec.obs_size, "actions": actions}
