"""Consent to import: the one rule about modules of the user's own.

Importing runs code, and settings may come from a stranger. So a module that settings name, as in
``my_module:MyEnv-v0`` or ``my_module:terms``, is imported only where the user agreed to it:

* To type the name is to agree: with ``--env``, ``--set`` or ``--param``, or in a Python program.
* What a file or a run folder names needs ``--allow-import``, or ``allow_import=True``.

What was agreed to holds for the rest of the process (``user_code`` knows it), for the processes that it
starts, for the commands that it prints, and for later commands of this user on the run or sweep that came of
it, as long as that is what it was (``remembered``). Who makes an environment or shaping terms without having
asked here is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppo_cli.config.assignments import Assignment
from ppo_cli.config.problems import Problem, refuse, value_text
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.values import get_value
from ppo_cli.envs.registry import resolve_env_id
from ppo_cli.envs.remembered import is_remembered, remember
from ppo_cli.envs.user_code import import_agreed, split_reference

TERMS = "reward_shaping.terms"
IMPORTING = ("env_id", TERMS)
"""The settings that can name a module to import, which is to say code to run."""


def is_typed(given: Mapping[str, Assignment], path: str) -> bool:
    """Whether a setting was typed, which is consent to import what it names.

    Args:
        given: The settings that the user gave, by path; each knows whether it stands in a file.
        path: The setting's path.
    """
    return path in given and given[path].node.origin.file is None


def refuse_modules_of_files(given: Mapping[str, Assignment]) -> None:
    """Refuse modules that files name, with file and line.

    Args:
        given: The settings that the user gave, by path.

    Raises:
        UsageError: A file names a module.
    """
    for path in IMPORTING:
        node = given[path].node if path in given else None
        if node is not None and node.origin.file and node.value and split_reference(node.value)[0]:
            text = f"{value_text(node.value)} would import and run a Python module"
            refuse([Problem(node.origin, path, text, "add --allow-import if you trust this file")])


def agree_to_terms(reference: str | None, *, agreed: bool) -> None:
    """Import the module of shaping terms if that was agreed to, now or before; otherwise refuse to go on.

    Args:
        reference: ``module:function``; None for the shipped terms, which need no consent.
        agreed: Whether it was typed, or allowed.

    Raises:
        UsageError: It was not agreed to, or the module cannot be imported.
    """
    if reference is not None:
        import_agreed(reference, key=TERMS, agreed=agreed)


def agree_to_run(config: RunConfig, *, allow_import: bool, folder: Path | None = None) -> None:
    """Check that opening a run folder imports only modules that the user agreed to.

    Args:
        config: The run's settings.
        allow_import: ``--allow-import``.
        folder: The run's folder, for which the user may have agreed before.

    Raises:
        UsageError: The run needs a user's module and that was not agreed to, or there is no such environment.
    """
    agreed = allow_import or (folder is not None and is_remembered(folder, *_what(config)))
    resolve_env_id(config.env_id, allow_import=agreed)
    agree_to_terms(config.reward_shaping.terms, agreed=agreed)
    if allow_import and folder is not None:
        remember_run(folder, config)


def remember_run(folder: Path, config: RunConfig) -> None:
    """Remember for later commands on a run that the user agreed to what it imports, if it does.

    Args:
        folder: The run's folder.
        config: Its settings.
    """
    remember(folder, *_what(config))


def _what(config: RunConfig) -> tuple[list[str], Any]:
    """What a run imports, and what that code is given."""
    return references_of(config), [dict(config.env_kwargs)]


def references_of(config: RunConfig) -> list[str]:
    """What a run imports, each ``module:name``."""
    return list(_references(config).values())


def imports_of(config: RunConfig) -> list[str]:
    """The settings of this config that make a run import a module, as ``path: value``."""
    return [f"{path}: {value}" for path, value in _references(config).items()]


def _references(config: RunConfig) -> dict[str, str]:
    references = {path: get_value(config, path) for path in IMPORTING}
    return {path: value for path, value in references.items() if value and split_reference(value)[0]}
