"""Settings: what they are, reading them from YAML and the command line, writing them back."""

from __future__ import annotations

from ppo_cli.config.schema import SHAPING_TERMS, RunConfig
from ppo_cli.config.settings import SETTINGS, Setting

__all__ = ["SETTINGS", "SHAPING_TERMS", "RunConfig", "Setting"]
