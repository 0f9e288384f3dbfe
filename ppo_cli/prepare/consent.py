"""Modules of the user's own that settings name: imported only where the user agreed to it.

Importing runs code, and settings may come from a stranger. To type a name is to agree to it; what a file or a
run folder names needs ``--allow-import``.
"""

from __future__ import annotations

from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.registry import resolve_env_id
from ppo_cli.envs.user_code import agree_to_import, import_agreed

TERMS = "reward_shaping.terms"


def agree_to_terms(reference: str | None, *, agreed: bool) -> None:
    """Import the module of shaping terms if that was agreed to, now or before; otherwise refuse to go on.

    Args:
        reference: ``module:function``; None for the shipped terms, which need no consent.
        agreed: Whether it was typed on the command line, or allowed there.

    Raises:
        UsageError: It was not agreed to, or the module cannot be imported.
    """
    if reference is not None:
        (agree_to_import if agreed else import_agreed)(reference, key=TERMS)


def agree_to_run(config: RunConfig, *, allow_import: bool) -> None:
    """Check that opening a run folder imports only modules that the user agreed to.

    Args:
        config: The run's settings.
        allow_import: ``--allow-import``.

    Raises:
        UsageError: The run needs a user's module and that was not agreed to, or there is no such environment.
    """
    resolve_env_id(config.env_id, allow_import=allow_import)
    agree_to_terms(config.reward_shaping.terms, agreed=allow_import)
