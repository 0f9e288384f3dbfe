"""From what the user gave to settings that are ready to train: tuned file, config file, --set, in this order.

The one way there, for a run and for each base of a sweep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ppo_cli.config.node import Node
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.envs.registry import ResolvedEnv


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


def settings_of_config(
    config: RunConfig, values: Mapping[str, Any], *, allow_import: bool
) -> ResolvedSettings:
    """Settings that are those of another run, with some values on top.

    Args:
        config: The other run's settings.
        values: Typed values by name or path.
        allow_import: Whether the settings may name modules to import, beside those in ``values``.

    Raises:
        UsageError: Anything that is wrong with them.
    """
    from ppo_cli.config.resolve import with_values
    from ppo_cli.envs.consent import TERMS, agree_to_terms
    from ppo_cli.envs.registry import resolve_env_id
    from ppo_cli.envs.whole_episodes import check_whole_episodes
    from ppo_cli.prepare.engine import with_engine

    config = with_values(config, values)
    running = resolve_env_id(config.env_id, allow_import=allow_import or "env_id" in values)
    if running.env_id != config.env_id:
        config = with_values(config, {"env_id": running.env_id})
    typed = bool({"terms", TERMS} & values.keys())
    agree_to_terms(config.reward_shaping.terms, agreed=allow_import or typed)
    check_whole_episodes(config)
    config, _ = with_engine(config)
    return ResolvedSettings(config, running.requested, {}, (running.notice,) if running.notice else ())


def resolve_settings(
    env: str | ResolvedEnv | None,
    config_file: Path | None,
    overrides: Sequence[str] = (),
    *,
    settings: Node | None = None,
    values: Mapping[str, Any] | None = None,
    values_label: str | None = None,
    swept: Mapping[str, Any] | None = None,
    allow_import: bool = False,
    to_be_swept: bool = False,
) -> ResolvedSettings:
    """Put settings together, agree to what they import, and make them fit the environment.

    Args:
        env: ``--env``; typed on the command line, so it may name a module to import. One that was not typed
            is resolved, and agreed to, before.
        config_file: ``--config``.
        overrides: ``--set``, each ``name=value``.
        settings: Settings that stand in another file of the user's, on top of ``config_file``.
        values: Settings that have options of their own, by name.
        values_label: What messages call the place of ``values``; by default each is its option, ``--seed``.
        swept: Values of a point of a sweep, by path, which win over everything.
        allow_import: ``--allow-import``.
        to_be_swept: Whether other values may come on top, with which what has no effect may have one.

    Raises:
        UsageError: Anything that is wrong with them.
    """
    from ppo_cli.config.identity import ENGINE
    from ppo_cli.config.ignored import without_ignored
    from ppo_cli.config.resolve import resolve_config, with_values
    from ppo_cli.envs.consent import TERMS, agree_to_terms, is_typed, refuse_modules_of_files
    from ppo_cli.envs.registry import resolve_env_id
    from ppo_cli.envs.whole_episodes import NUM_STEPS, endless_notice, with_whole_episodes
    from ppo_cli.prepare.engine import with_engine

    running = resolve_env_id(env, allow_import=True) if isinstance(env, str) else env
    resolved = resolve_config(
        env=running.env_id if running else None,
        config_file=config_file,
        settings=settings,
        overrides=overrides,
        values=values,
        values_label=values_label,
        swept=swept,
    )
    if not allow_import:
        refuse_modules_of_files(resolved.given)
    config, given = resolved.config, resolved.given
    if running is None:
        running = resolve_env_id(config.env_id, allow_import=allow_import or is_typed(given, "env_id"))
    if running.env_id != config.env_id:
        config = with_values(config, {"env_id": running.env_id})
    agree_to_terms(config.reward_shaping.terms, agreed=allow_import or is_typed(given, TERMS))
    config, longer = with_whole_episodes(config, given)
    config = config if to_be_swept else without_ignored(config, given)
    config, chosen = with_engine(config)
    origins = resolved.origins | ({NUM_STEPS: f"time limit of {config.env_id}"} if longer else {})
    origins |= {ENGINE: chosen} if chosen else {}
    candidates = (running.notice, *resolved.notices, longer, endless_notice(config))
    notices = tuple(notice for notice in candidates if notice)
    return ResolvedSettings(config, running.requested, origins, notices)
