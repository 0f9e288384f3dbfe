"""The values of a config by the settings' paths, and back into sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppo_cli.config.algorithms import uses
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.sections import NOT_BETA
from ppo_cli.config.settings import SETTINGS, Setting


def flat_settings(config: RunConfig) -> dict[str, Any]:
    """Every setting's value by its path, in the order of ``SETTINGS``; a mapping is one value."""
    return {setting.path: get_value(config, setting.path) for setting in SETTINGS}


def get_value(config: RunConfig, path: str) -> Any:
    """The value at a setting's path; None for a name that is not in a mapping (``env_kwargs.wind``)."""
    value: Any = config
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name)
    return value


def is_used(config: RunConfig, setting: Setting) -> bool:
    """Whether a setting has a part in a config: its algorithm uses it, and its policy does."""
    own = uses(config.algorithm, setting.name)
    return own and not (config.network.policy == "beta" and setting.name in NOT_BETA)


def used_settings(config: RunConfig) -> dict[str, Any]:
    """The settings that a config uses as plain data, by section and name."""
    values = flat_settings(config)
    tree: dict[str, Any] = {}
    for setting in SETTINGS:
        if is_used(config, setting):
            section = tree.setdefault(setting.section, {}) if setting.section else tree
            section[setting.name] = values[setting.path]
    return tree


def changed_settings(config: RunConfig) -> list[tuple[Setting, Any]]:
    """The settings that are not at their defaults, each with its value."""
    values = [(setting, get_value(config, setting.path)) for setting in SETTINGS]
    return [(setting, value) for setting, value in values if value != setting.default]
