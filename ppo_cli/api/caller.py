"""Shared by what Python calls: notices become warnings at the call, the call as text, how to go on, seeds."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ppo_cli.config.choices import MAX_SEED
from ppo_cli.errors import PpoError, StorageError, UsageError


class Report(Protocol):
    """A report of a training or a sweep."""

    @property
    def notices(self) -> Sequence[str]:
        """What the user should know."""


class WarningView:
    """Shows no progress; a notice becomes a warning at the line that called ``train`` or ``sweep``.

    Args:
        stacklevel: Calls from a method of this view up to that line, as ``warnings.warn`` counts them.
    """

    def __init__(self, stacklevel: int) -> None:
        self._stacklevel = stacklevel

    def start(self) -> None:
        """Do nothing: there is nothing to begin."""

    def update(self, report: Report) -> None:
        """Warn of a report's notices."""
        for message in report.notices:
            warnings.warn(message, stacklevel=self._stacklevel)

    def notice(self, message: str) -> None:
        """Warn of one notice."""
        warnings.warn(message, stacklevel=self._stacklevel)

    def stop(self) -> None:
        """Do nothing: there is nothing to end."""


@contextlib.contextmanager
def hint_to_go_on(resume_command: Callable[[], str]) -> Iterator[None]:
    """Add the command that goes on to the hint of a full disk.

    Raises:
        StorageError: The block raised it.
    """
    try:
        yield
    except StorageError as error:
        with contextlib.suppress(PpoError):  # a folder that cannot be read must not hide what went wrong
            go_on = f"Then go on: {resume_command()}"
            error.hint = f"{error.hint} {go_on}" if error.hint else go_on
        raise


def call_text(function: str, arguments: Mapping[str, Any], shown: tuple[type, ...]) -> str:
    """Write a call in Python as text, for summaries.

    >>> call_text("train", {"env": "CartPole-v1", "config": None, "seeds": 2}, (str, int))
    "ppo_cli.train(env='CartPole-v1', seeds=2)"

    Args:
        function: Its name in ``ppo_cli``.
        arguments: By name.
        shown: Types of arguments that can be typed again; others are left out.
    """
    texts = [f"{name}={value!r}" for name, value in arguments.items() if isinstance(value, shown)]
    return f"ppo_cli.{function}({', '.join(texts)})"


def check_seed(seed: object) -> None:
    """Refuse what is no seed.

    Raises:
        UsageError: It is no whole number from 0 to 2^32 - 1.
    """
    if not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise UsageError(f"seed: {seed!r} is not allowed", hint=f"0 to {MAX_SEED}", key="seed")
