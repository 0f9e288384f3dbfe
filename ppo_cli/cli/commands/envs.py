"""``ppo envs``: the environments with tuned settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.output import print_json
from ppo_cli.errors import PpoError

if TYPE_CHECKING:
    from ppo_cli.envs.registry import KnownEnv


def envs_command(json: options.Json = False) -> None:
    r"""Show the environments that have tuned settings.

    Any other Gymnasium id with a flat observation and discrete or continuous actions works too, also one of
    your own: `--env my_module:MyEnv-v0`.

    \b
    Example:
      ppo envs
    """
    from ppo_cli.envs.registry import known_envs
    from ppo_cli.report.console import stderr_console, stdout_console
    from ppo_cli.report.tables import envs_table

    envs = [describe_env(env) for env in known_envs()]
    if json:
        print_json({"envs": envs})
        return
    stdout_console().print(envs_table(envs))
    stderr_console().print("train one with `ppo train --env ID`", style="dim")


def describe_env(env: KnownEnv) -> dict[str, Any]:
    """An environment's document; without its spaces where it cannot be made (Box2D is missing, say)."""
    from ppo_cli.config.algorithms import ALGORITHMS
    from ppo_cli.config.resolve import resolve_config
    from ppo_cli.config.shipped import shipped_config_for
    from ppo_cli.envs.factory import env_spec

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
