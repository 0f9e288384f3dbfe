"""Modules of the user's own: imported only after the user agreed, because importing runs code.

A config file or a run folder may come from a stranger. So a module named in one (``my_module:MyEnv-v0``, or a
shaping function ``my_module:terms``) is imported only when it was typed on the command line or allowed there.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType

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


def agree_to_import(reference: str, *, key: str) -> ModuleType:
    """Record that the user agreed to import the module of ``module:name``, and import it.

    Args:
        reference: The reference as the user typed it.
        key: The setting it comes from, for the error.

    Raises:
        UsageError: The module cannot be imported.
    """
    _agreed.add(split_reference(reference)[0])
    return import_agreed(reference, key=key)


def import_agreed(reference: str, *, key: str) -> ModuleType:
    """Import the module of ``module:name`` if the user agreed to it before.

    The working directory counts as a place for modules, as with ``python -m``.

    Raises:
        UsageError: The user did not agree, or the module cannot be imported.
    """
    module, _ = split_reference(reference)
    if module not in _agreed:
        raise UsageError(
            f"{key} {reference!r} would import the Python module {module!r}, which runs its code",
            hint="if you trust it, add --allow-import",
            key=key,
        )
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        return importlib.import_module(module)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise UsageError(
            f"cannot import the module {module!r} of {key} {reference!r}: {type(error).__name__}: {error}",
            hint="run ppo in the folder that holds the module, or install the module",
            key=key,
        ) from error
