"""The settings that hold where nothing is swept, for each environment: layer upon layer, as for one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ppo_cli.config import RunConfig, resolve_config, with_values
from ppo_cli.config.node import Node
from ppo_cli.errors import UsageError
from ppo_cli.sweep.consent import TERMS, agree
from ppo_cli.sweep.params import Param
from ppo_cli.sweep.sweep_file import SweepFile


@dataclass(frozen=True)
class Inputs:
    """What the settings of every base are made from.

    Attributes:
        env: ``--env``, typed on the command line.
        env_in_file: The sweep file's ``env``, where the command line has neither ``--env`` nor ``--config``.
        config_file: ``--config``, or the sweep file's ``config``.
        settings: The sweep file's ``settings``.
        overrides: ``--set``.
        values: Settings that have options of their own.
        allow_import: Whether files may name modules to import.
    """

    env: str | None
    env_in_file: str | None
    config_file: Path | None
    settings: Node | None
    overrides: Sequence[str]
    values: Mapping[str, Any]
    allow_import: bool


@dataclass(frozen=True)
class Base:
    """The settings of one environment.

    Attributes:
        config: The settings, with the id of the environment that runs.
        requested: The id that was asked for.
        notices: What the user should know.
    """

    config: RunConfig
    requested: str
    notices: tuple[str, ...]


def make_bases(inputs: Inputs, swept: Param | None, *, typed: bool) -> list[Base]:
    """The base of every environment.

    Args:
        inputs: What they are made from.
        swept: The swept ``env_id``, or None.
        typed: Whether its values were typed on the command line, which is consent to import what they name.

    Raises:
        UsageError: Anything that is wrong with them.
    """
    named = inputs.env or inputs.env_in_file
    if swept is None:
        if named is None:
            return [_base(inputs, inputs.settings)]
        return [_named_base(named, inputs, agreed=inputs.env is not None or inputs.allow_import)]
    if named is not None:
        text = f"env_id is swept, so {named!r} cannot be the environment"
        raise UsageError(text, hint="leave it out, or do not sweep env_id", key="env_id")
    agreed = typed or inputs.allow_import
    bases = [_named_base(str(value), inputs, agreed=agreed) for value in swept.values]
    # That a swept environment takes the place of the one in a file goes without saying.
    return [replace(base, notices=_without(base.notices, "--env ")) for base in bases]


def bases_of_folder(file: SweepFile, inputs: Inputs, swept: Param | None) -> list[Base]:
    """The bases that the file of a sweep folder holds, with overrides on top; its environments stay.

    Args:
        file: The file.
        inputs: What goes on top.
        swept: The swept ``env_id``, or None.

    Raises:
        UsageError: Anything that is wrong with them, or another environment is asked for.
    """
    bases = [_base(inputs, node) for node in file.bases]
    there = [base.config.env_id for base in bases]
    if inputs.env is not None or inputs.config_file is not None:
        hint = "begin a sweep of your own with --env or --config, without this file"
        raise UsageError(f"{file.path} has settings of its own, for {' and '.join(there)}", hint=hint)
    if swept is not None and sorted(swept.values) != sorted(there):
        hint = "begin a new sweep for other environments"
        raise UsageError(f"{file.path} has settings for {' and '.join(there)} only", hint=hint, key="env_id")
    requested = (file.env or "").split(",")
    if len(requested) != len(bases):
        return bases
    return [replace(base, requested=typed) for base, typed in zip(bases, requested, strict=True)]


def _named_base(env: str, inputs: Inputs, *, agreed: bool) -> Base:
    """The base for an environment that was named: its tuned settings, and the rest on top."""
    from ppo_cli.envs.registry import resolve_env_id

    found = resolve_env_id(env, allow_import=agreed)
    base = _base(inputs, inputs.settings, found.env_id)
    return Base(base.config, env, (*([found.notice] if found.notice else []), *base.notices))


def _base(inputs: Inputs, settings: Node | None, env_id: str | None = None) -> Base:
    """The settings of one environment: ``env_id``, already agreed to, or the one that they name."""
    from ppo_cli.envs.registry import resolve_env_id

    resolved = resolve_config(
        env=env_id,
        config_file=inputs.config_file,
        settings=settings,
        overrides=inputs.overrides,
        values=inputs.values,
        allow_import=inputs.allow_import,
    )

    def agreed(path: str) -> bool:
        return inputs.allow_import or resolved.origins[path].startswith("--")

    config = resolved.config
    found = resolve_env_id(env_id or config.env_id, allow_import=env_id is None and agreed("env_id"))
    if found.env_id != config.env_id:
        config = with_values(config, {"env_id": found.env_id})
    agree(config.reward_shaping.terms, agreed=agreed(TERMS))
    return Base(config, found.requested, (*([found.notice] if found.notice else []), *resolved.notices))


def _without(notices: Sequence[str], beginning: str) -> tuple[str, ...]:
    return tuple(notice for notice in notices if not notice.startswith(beginning))
