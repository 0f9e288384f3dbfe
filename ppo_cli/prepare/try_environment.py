"""Finding out whether what settings name is there and works, before anything is made."""

from __future__ import annotations

from pathlib import Path

from ppo_cli.config.choices import NULLS
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.sections import NOT_BETA
from ppo_cli.config.settings import BY_PATH
from ppo_cli.config.values import get_value
from ppo_cli.envs.from_settings import make_envs
from ppo_cli.errors import UsageError
from ppo_cli.nn.suitable import check_suits
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
    if envs.spec.action.kind == "discrete":
        _refuse_settings_of_noise(config)
    check_suits(envs.spec.action, config.network.policy, config.network.squash)
    return envs.spec


def try_what_is_named(config: RunConfig, spec: EnvSpec, runs_dir: Path) -> None:
    """Find out whether the reference and the reward model can be had; to read one loads torch.

    Args:
        config: The settings.
        spec: What the environment is.
        runs_dir: Where the runs and preference sets are that are named.

    Raises:
        UsageError: There is no such run or set, or it is of another environment.
        CorruptFileError: It is damaged.
    """
    if config.facts.reference_path(config.learning) is not None:
        from ppo_cli.learn.reference import original_reference

        original_reference(config, spec, (runs_dir,))
    if config.learning.reward_model not in (None, *NULLS):
        from ppo_cli.learn.learned_reward import original_model

        original_model(config, spec, (runs_dir,))


def _refuse_settings_of_noise(config: RunConfig) -> None:
    """Refuse what shapes continuous actions, where actions are choices."""
    for name in NOT_BETA:
        path = f"network.{name}"
        if get_value(config, path) != BY_PATH[path].default:
            text = f"{path}: has no effect: the actions of {config.env_id} are choices, without noise"
            raise UsageError(text, hint="leave it out", key=path)
