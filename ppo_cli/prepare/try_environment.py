"""Finding out whether an environment works as it should, before anything is made. No torch."""

from __future__ import annotations

from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.from_settings import make_envs
from ppo_cli.spaces import EnvSpec


def try_environment(config: RunConfig) -> EnvSpec:
    """Make the environment with its reward shaping, begin an episode and take a step.

    Raises:
        UsageError: Something of that cannot be had or does what it should not; the message says what.
    """
    envs = make_envs([config], num_envs=1)
    try:
        envs.try_out()
    finally:
        envs.close()
    return envs.spec
