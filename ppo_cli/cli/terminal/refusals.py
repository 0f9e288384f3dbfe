"""Options that do not go together."""

from __future__ import annotations

from collections.abc import Mapping

from ppo_cli.errors import UsageError


def refuse_together(option: str, others: Mapping[str, object], *, hint: str | None = None) -> None:
    """Refuse options that were given beside another one.

    Args:
        option: The other one, or what it stands for.
        others: The options by how they are typed; None and an empty list were not given.
        hint: What to do.

    Raises:
        UsageError: One of them was given.
    """
    given = [name for name, value in others.items() if value is not None and value != []]
    if given:
        raise UsageError(f"{option} cannot be combined with {', '.join(given)}", hint=hint)
