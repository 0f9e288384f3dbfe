"""Modules of the user's own that a sweep names: imported only where the user agreed to it."""

from __future__ import annotations

from ppo_cli.envs.consent import TERMS, agree_to_terms, imports_of
from ppo_cli.envs.registry import resolve_env_id
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec


def agree_to_spec(spec: SweepSpec, *, allow_import: bool) -> None:
    """Check that training a sweep that was read from a folder imports only modules that the user agreed to.

    Args:
        spec: The sweep.
        allow_import: ``--allow-import``.

    Raises:
        UsageError: It needs a user's module and that was not agreed to, or there is no such environment.
    """
    for env_id in spec.env_ids:
        resolve_env_id(env_id, allow_import=allow_import)
    for reference in _terms(spec):
        agree_to_terms(reference, agreed=allow_import)


def imports_of_spec(spec: SweepSpec) -> list[str]:
    """The settings that make this sweep import a user's module, as ``path: value``."""
    envs = [line for base in spec.bases for line in imports_of(base) if not line.startswith(TERMS)]
    return envs + [f"{TERMS}: {reference}" for reference in _terms(spec)]


def _terms(spec: SweepSpec) -> list[str]:
    """The shaping terms of the user's own that some point of the sweep uses."""
    swept = [value for param in spec.params if param.path == TERMS for value in param.values]
    terms = swept or [base.reward_shaping.terms for base in spec.bases]
    return [reference for reference in dict.fromkeys(terms) if reference is not None]
