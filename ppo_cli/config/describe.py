"""Settings and algorithms as documents, for ``ppo config --explain`` and ``ppo algorithms``."""

from __future__ import annotations

from typing import Any

from ppo_cli.config.algorithms import ALGORITHMS, users_of
from ppo_cli.config.dump import dump_config
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import SETTINGS, Setting


def describe_setting(setting: Setting) -> dict[str, Any]:
    """A setting's document."""
    return {
        "name": setting.name,
        "path": setting.path,
        "type": setting.type_text,
        "default": setting.default,
        "allowed": setting.expected,
        "per_member": setting.per_member,
        "help": setting.help,
        "algorithms": users_of(setting.name),
    }


def describe_algorithm(name: str) -> dict[str, Any]:
    """An algorithm's document."""
    facts = ALGORITHMS[name]
    own = [setting for setting in SETTINGS if setting.name in facts.settings]
    return {
        "name": name,
        "summary": facts.summary,
        "formula": facts.formula,
        "paper": facts.paper,
        "whole_episodes": facts.whole_episodes,
        "settings": [
            {"name": setting.name, "default": setting.default, "help": setting.help} for setting in own
        ],
    }


def commented(config: RunConfig, header: str = "") -> str:
    """A config as YAML that loads back, each setting explained by a comment above it."""
    return dump_config(config, header, {setting.path: setting.help for setting in SETTINGS})
