"""Modules of the user's own that a sweep names: imported only where the user agreed to it."""

from __future__ import annotations

from ppo_cli.config import imports_of
from ppo_cli.sweep.spec import SweepSpec

TERMS = "reward_shaping.terms"


def agree(reference: str | None, *, agreed: bool) -> None:
    """Import the module of shaping terms if that was agreed to, now or before; otherwise refuse to go on.

    Args:
        reference: ``module:function``; None for the shipped terms, which need no consent.
        agreed: Whether it was typed on the command line, or allowed there.

    Raises:
        UsageError: It was not agreed to, or the module cannot be imported.
    """
    from ppo_cli.envs.user_code import agree_to_import, import_agreed

    if reference is not None:
        (agree_to_import if agreed else import_agreed)(reference, key=TERMS)


def agree_to_spec(spec: SweepSpec, *, allow_import: bool) -> None:
    """Check that training a sweep that was read from a folder imports only modules that the user agreed to.

    Args:
        spec: The sweep.
        allow_import: ``--allow-import``.

    Raises:
        UsageError: It needs a user's module and that was not agreed to, or there is no such environment.
    """
    from ppo_cli.envs.registry import resolve_env_id

    for env_id in spec.env_ids:
        resolve_env_id(env_id, allow_import=allow_import)
    for reference in _terms(spec):
        agree(reference, agreed=allow_import)


def imports_of_spec(spec: SweepSpec) -> list[str]:
    """The settings that make this sweep import a user's module, as ``path: value``."""
    found = [line for base in spec.bases for line in imports_of(base) if not line.startswith(TERMS)]
    return found + [f"{TERMS}: {reference}" for reference in _terms(spec)]


def _terms(spec: SweepSpec) -> list[str]:
    """The shaping terms of the user's own that some point of the sweep uses."""
    swept = [value for param in spec.params if param.path == TERMS for value in param.values]
    terms = swept or [base.reward_shaping.terms for base in spec.bases]
    return [reference for reference in dict.fromkeys(terms) if reference is not None]
