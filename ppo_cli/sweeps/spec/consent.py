"""Modules of the user's own that a sweep names: imported only where the user agreed to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppo_cli.envs.consent import TERMS, agree_to_terms, imports_of, references_of
from ppo_cli.envs.registry import resolve_env_id
from ppo_cli.envs.remembered import is_remembered, remember
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec


def agree_to_spec(spec: SweepSpec, *, allow_import: bool, folder: Path) -> None:
    """Check that training a sweep that was read from a folder imports only modules that the user agreed to.

    Args:
        spec: The sweep.
        allow_import: ``--allow-import``.
        folder: Its folder, for which the user may have agreed before.

    Raises:
        UsageError: It needs a user's module and that was not agreed to, or there is no such environment.
    """
    agreed = allow_import or is_agreed_before(folder, spec)
    for env_id in spec.env_ids:
        resolve_env_id(env_id, allow_import=agreed)
    for reference in _terms(spec):
        agree_to_terms(reference, agreed=agreed)


def remember_sweep(folder: Path, spec: SweepSpec) -> None:
    """Remember for later commands on a sweep that the user agreed to what it imports, if it does."""
    remember(folder, *_what(spec))


def is_agreed_before(folder: Path, spec: SweepSpec) -> bool:
    """Whether the user agreed to what a sweep imports, when it was begun or gone on with."""
    return is_remembered(folder, *_what(spec))


def _what(spec: SweepSpec) -> tuple[list[str], Any]:
    """What a sweep imports, and what that code is given."""
    references = [reference for base in spec.bases for reference in references_of(base)]
    swept = {param.path: param.values_text if param.is_range else list(param.values) for param in spec.params}
    given = [
        [dict(base.env_kwargs) for base in spec.bases],
        {k: v for k, v in swept.items() if "env_kwargs" in k},
    ]
    return list(dict.fromkeys([*references, *_terms(spec)])), given


def imports_of_spec(spec: SweepSpec) -> list[str]:
    """The settings that make this sweep import a user's module, as ``path: value``."""
    envs = [line for base in spec.bases for line in imports_of(base) if not line.startswith(TERMS)]
    return envs + [f"{TERMS}: {reference}" for reference in _terms(spec)]


def _terms(spec: SweepSpec) -> list[str]:
    """The shaping terms of the user's own that some point of the sweep uses."""
    swept = [value for param in spec.params if param.path == TERMS for value in param.values]
    terms = swept or [base.reward_shaping.terms for base in spec.bases]
    return [reference for reference in dict.fromkeys(terms) if reference is not None]
