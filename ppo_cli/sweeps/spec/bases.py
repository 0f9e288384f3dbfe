"""The settings that hold where nothing is swept, layer upon layer as for one run.

Where environments, algorithms or policies are swept, each of them has its own: its tuned settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.config.node import Node
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.values import get_value
from ppo_cli.errors import UsageError
from ppo_cli.prepare.resolve import resolve_settings
from ppo_cli.sweeps.spec.params import Param
from ppo_cli.sweeps.spec.sweep_file import SweepFile
from ppo_cli.sweeps.spec.sweep_spec import OWN_BASE

if TYPE_CHECKING:
    from ppo_cli.envs.registry import ResolvedEnv

ENV_ID = "env_id"


@dataclass(frozen=True)
class Inputs:
    """The inputs that the settings of every base are made from.

    Attributes:
        env: ``--env``, typed on the command line.
        env_in_file: The sweep file's ``env``, where the command line has neither ``--env`` nor ``--config``.
        config_file: ``--config``, or the sweep file's ``config``.
        settings: The sweep file's ``settings``.
        overrides: ``--set``.
        values: Settings that have options of their own.
        values_label: What messages call the place of ``values``; None for each one's option.
        allow_import: Whether files may name modules to import.
        swept: Swept values that have settings tuned for them, by path.
    """

    env: str | None
    env_in_file: str | None
    config_file: Path | None
    settings: Node | None
    overrides: Sequence[str]
    values: Mapping[str, Any]
    values_label: str | None
    allow_import: bool
    swept: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Base:
    """The settings where nothing is swept, or of one environment, algorithm and policy.

    Attributes:
        config: The settings, with the id of the environment that runs.
        requested: The id that was asked for.
        notices: What the user should know.
    """

    config: RunConfig
    requested: str
    notices: tuple[str, ...]


def make_bases(inputs: Inputs, swept: Mapping[str, Param], *, typed: bool) -> list[Base]:
    """The base of every environment, algorithm and policy that is swept; one base when none is.

    Args:
        inputs: What they are made from.
        swept: The swept settings by path.
        typed: Whether swept environments were typed on the command line, which is consent to import what
            they name.

    Raises:
        UsageError: Anything that is wrong with them.
    """
    own = [param for path, param in swept.items() if path in OWN_BASE and path != ENV_ID]
    paths = [param.path for param in own]
    rows = product(*(param.values for param in own))
    each = [replace(inputs, swept=dict(zip(paths, row, strict=True))) for row in rows]
    if ENV_ID not in swept:
        return [_only_base(own_inputs) for own_inputs in each]
    named = inputs.env or inputs.env_in_file
    if named is not None:
        text = f"env_id is swept, so {named!r} cannot be the environment"
        raise UsageError(text, hint="leave it out, or do not sweep env_id", key=ENV_ID)
    agreed = typed or inputs.allow_import
    bases = [
        _named_base(str(env), own_inputs, agreed=agreed)
        for env in swept[ENV_ID].values
        for own_inputs in each
    ]
    # That a swept environment takes the place of the one in a file goes without saying.
    return [replace(base, notices=_without(base.notices, "--env ")) for base in bases]


def bases_of_folder(file: SweepFile, inputs: Inputs, swept: Mapping[str, Param]) -> list[Base]:
    """The bases that the file of a sweep folder holds, with overrides on top; what they are of stays.

    Args:
        file: The file.
        inputs: What goes on top.
        swept: The swept settings by path.

    Raises:
        UsageError: Anything that is wrong with them, or another environment is asked for.
    """
    bases = [_base(inputs, node) for node in file.bases]
    configs = [base.config for base in bases]
    there = list(dict.fromkeys(config.env_id for config in configs))
    if inputs.env is not None or inputs.config_file is not None:
        hint = "begin a sweep of your own with --env or --config, without this file"
        raise UsageError(f"{file.path} has settings of its own, for {' and '.join(there)}", hint=hint)
    for path in OWN_BASE:
        held = list(dict.fromkeys(get_value(config, path) for config in configs))
        if path in swept and sorted(swept[path].values) != sorted(held):
            hint = f"begin a new sweep for other values of {swept[path].name}"
            raise UsageError(f"{file.path} has settings for {' and '.join(held)} only", hint=hint, key=path)
    requested = (file.env or "").split(",")
    if len(requested) != len(there):
        return bases
    typed = dict(zip(there, requested, strict=True))
    return [replace(base, requested=typed[base.config.env_id]) for base in bases]


def _only_base(inputs: Inputs) -> Base:
    """The base where no environment is swept."""
    named = inputs.env or inputs.env_in_file
    if named is None:
        return _base(inputs, inputs.settings)
    return _named_base(named, inputs, agreed=inputs.env is not None or inputs.allow_import)


def _named_base(env: str, inputs: Inputs, *, agreed: bool) -> Base:
    """The base for an environment that was named: its tuned settings, and the rest on top."""
    from ppo_cli.envs.registry import resolve_env_id

    return _base(inputs, inputs.settings, resolve_env_id(env, allow_import=agreed))


def _base(inputs: Inputs, settings: Node | None, env: ResolvedEnv | None = None) -> Base:
    """The settings for one environment: ``env``, already agreed to, or the one that they name."""
    resolved = resolve_settings(
        env,
        inputs.config_file,
        inputs.overrides,
        settings=settings,
        values=inputs.values,
        values_label=inputs.values_label,
        swept=inputs.swept,
        allow_import=inputs.allow_import,
        to_be_swept=True,
    )
    return Base(resolved.config, resolved.env_requested, resolved.notices)


def _without(notices: Sequence[str], beginning: str) -> tuple[str, ...]:
    return tuple(notice for notice in notices if not notice.startswith(beginning))
