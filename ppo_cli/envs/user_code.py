"""Importing modules of the user's own, once that was agreed to; ``consent`` says when it is."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from types import ModuleType

from ppo_cli.envs.guard import FAULTS, TooLongError, first_line, guarding
from ppo_cli.errors import UsageError

_agreed: set[str] = set()


def split_reference(reference: str) -> tuple[str, str]:
    """Split ``module:name``; the module is empty when there is none.

    >>> split_reference("my.envs:Maze-v0")
    ('my.envs', 'Maze-v0')
    >>> split_reference("CartPole-v1")
    ('', 'CartPole-v1')
    """
    module, _, name = reference.rpartition(":")
    return module, name


def agreed_modules() -> list[str]:
    """The modules that the user agreed to import, for the processes that are started here."""
    return sorted(_agreed)


def agree(modules: Iterable[str]) -> None:
    """Take over what the user agreed to in the process that started this one."""
    _agreed.update(modules)


def is_agreed(reference: str) -> bool:
    """Whether the user agreed in this process to import the module of ``module:name``."""
    return split_reference(reference)[0] in _agreed


def with_working_directory() -> None:
    """Let modules be found in the working directory, after all other places."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


def import_agreed(reference: str, *, key: str, agreed: bool = False) -> ModuleType:
    """Import the module of ``module:name`` if the user agreed to it, now or before.

    The working directory counts as a place for modules, as with ``python -m``.

    Args:
        reference: The reference.
        key: The setting it comes from, for the error.
        agreed: Whether the user agrees now; that is remembered.

    Raises:
        UsageError: The user did not agree, or the module cannot be imported.
    """
    module, _ = split_reference(reference)
    if agreed:
        _agreed.add(module)
    if module not in _agreed:
        raise UsageError(
            f"{key} {reference!r} would import the Python module {module!r}, which runs its code",
            hint="if you trust it, add --allow-import",
            key=key,
        )
    with_working_directory()
    try:
        with guarding():
            return importlib.import_module(module)
    except FAULTS as error:  # a user's module may raise anything while it is imported
        why = (
            "it takes too long"
            if isinstance(error, TooLongError)
            else f"{type(error).__name__}: {first_line(error)}"
        )
        raise UsageError(
            f"cannot import the module {module!r} of {key} {reference!r}: {why}",
            hint="run ppo in the folder that holds the module, or install the module",
            key=key,
        ) from error
