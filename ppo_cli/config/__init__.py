"""Settings: what they are, reading them from YAML and the command line, writing them back."""

from __future__ import annotations

from ppo_cli.config.algorithms import ALGORITHMS, AlgorithmFacts, uses
from ppo_cli.config.dump import dump_config, is_used, plain_settings, yaml_text
from ppo_cli.config.names import find as find_setting
from ppo_cli.config.names import nearest as nearest_setting
from ppo_cli.config.resolve import (
    ResolvedConfig,
    check_value,
    get_value,
    imports_of,
    load_config,
    resolve_config,
    static_key,
    with_values,
)
from ppo_cli.config.schema import INITIAL, SHAPING_TERMS, RunConfig
from ppo_cli.config.schema import Learning as LearningSettings
from ppo_cli.config.settings import REQUIRED, SECTIONS, SETTINGS, Setting
from ppo_cli.config.shipped import shipped_config_dir, shipped_config_for, shipped_configs

__all__ = [
    "ALGORITHMS",
    "INITIAL",
    "REQUIRED",
    "SECTIONS",
    "SETTINGS",
    "SHAPING_TERMS",
    "AlgorithmFacts",
    "LearningSettings",
    "ResolvedConfig",
    "RunConfig",
    "Setting",
    "check_value",
    "dump_config",
    "find_setting",
    "get_value",
    "imports_of",
    "is_used",
    "load_config",
    "nearest_setting",
    "plain_settings",
    "resolve_config",
    "shipped_config_dir",
    "shipped_config_for",
    "shipped_configs",
    "static_key",
    "uses",
    "with_values",
    "yaml_text",
]
