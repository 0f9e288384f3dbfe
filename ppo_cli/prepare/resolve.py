"""From the options of a command line to settings: tuned file, config file, --set, in this order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ppo_cli.config.schema import RunConfig


@dataclass(frozen=True)
class ResolvedSettings:
    """Settings ready to train.

    Attributes:
        config: The settings, with the id of the environment that runs.
        env_requested: The environment id as the user wrote it.
        origins: Where each setting comes from, by path.
        notices: What the user should know, for stderr.
    """

    config: RunConfig
    env_requested: str
    origins: Mapping[str, str]
    notices: tuple[str, ...]


def resolve_settings(
    env: str | None,
    config_file: Path | None,
    overrides: Sequence[str] = (),
    *,
    values: Mapping[str, Any] | None = None,
    allow_import: bool = False,
) -> ResolvedSettings:
    """Settings from options.

    Args:
        env: ``--env``; typed on the command line, so it may name a module to import.
        config_file: ``--config``.
        overrides: ``--set``, each ``name=value``.
        values: Settings that have options of their own, by name.
        allow_import: ``--allow-import``.

    Raises:
        UsageError: Anything that is wrong with them.
    """
    from ppo_cli.config.resolve import resolve_config, with_values
    from ppo_cli.envs.registry import resolve_env_id
    from ppo_cli.envs.whole_episodes import NUM_STEPS, with_whole_episodes
    from ppo_cli.prepare.consent import TERMS, agree_to_terms

    typed = resolve_env_id(env, allow_import=True) if env else None
    resolved = resolve_config(
        env=typed.env_id if typed else None,
        config_file=config_file,
        overrides=list(overrides),
        values=dict(values or {}),
        allow_import=allow_import,
    )
    config = resolved.config
    found = typed or resolve_env_id(
        config.env_id, allow_import=allow_import or _typed(resolved.origins, "env_id")
    )
    if found.env_id != config.env_id:
        config = with_values(config, {"env_id": found.env_id})
    agree_to_terms(config.reward_shaping.terms, agreed=allow_import or _typed(resolved.origins, TERMS))
    config, longer = with_whole_episodes(config, resolved.given)
    origins = resolved.origins | ({NUM_STEPS: f"time limit of {config.env_id}"} if longer else {})
    notices = [notice for notice in (found.notice, *resolved.notices, longer) if notice]
    return ResolvedSettings(config, found.requested, origins, tuple(notices))


def _typed(origins: Mapping[str, str], path: str) -> bool:
    """Whether a setting was typed on the command line, which is consent to import what it names."""
    return str(origins.get(path, "")).startswith("--")
