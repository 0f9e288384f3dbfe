"""What is wrong with settings, where, and what to do: collected first, then shown all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ppo_cli.errors import UsageError

MAX_SHOWN = 10
MAX_VALUE_LENGTH = 60


@dataclass(frozen=True)
class Origin:
    """Where a value comes from.

    Attributes:
        label: How to name it: a file's name, or ``--set``.
        file: The file, when it is one.
        line: Line in the file, from 1.
        column: Column in the line, from 1.
    """

    label: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    @property
    def short(self) -> str:
        """File and line, ``configs/cartpole.yaml:7``; or the label."""
        return self.label if self.line is None else f"{self.label}:{self.line}"

    @property
    def full(self) -> str:
        """File, line and column; or the label."""
        return self.short if self.column is None else f"{self.short}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """A setting that is wrong.

    Attributes:
        origin: Where.
        key: The setting's path, or the name that was given; None when the whole input is wrong.
        text: What is wrong.
        hint: What to do.
    """

    origin: Origin
    key: str | None
    text: str
    hint: str | None = None

    @property
    def line(self) -> str:
        """Place, key and text on one line."""
        return ": ".join(part for part in (self.origin.full, printable(self.key or ""), self.text) if part)


def refuse(problems: Sequence[Problem]) -> NoReturn:
    """Raise one error for all problems.

    Args:
        problems: At least one; the one nearest the top gives the error's key, file and line.

    Raises:
        UsageError: Always.
    """
    problems = sorted(problems, key=lambda problem: (problem.origin.line or 0, problem.origin.column or 0))
    first = problems[0]
    lines, hint = [first.line], first.hint
    if len(problems) > 1:
        lines = [
            f"{problem.line}; {problem.hint}" if problem.hint else problem.line
            for problem in problems[:MAX_SHOWN]
        ]
        if len(problems) > MAX_SHOWN:
            lines.append(f"... and {len(problems) - MAX_SHOWN} more")
        hint = "`ppo config --explain` explains every setting"
    raise UsageError(
        "\n".join(lines), hint=hint, key=first.key, file=first.origin.file, line=first.origin.line
    )


def printable(text: str, limit: int = 240) -> str:
    """The text cut to a readable length, with control characters and lone surrogates escaped."""
    cut = text if len(text) <= limit else text[:limit] + "..."
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)


def value_text(value: Any) -> str:
    """A value as the user wrote it, roughly, and never long: ``true``, ``null``, ``'on'``, ``0.5``."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        text = printable(repr(value))
    except (ValueError, RecursionError):  # Python refuses to print integers of thousands of digits
        return f"a very large {type(value).__name__}"
    return text if len(text) <= MAX_VALUE_LENGTH else text[: MAX_VALUE_LENGTH - 3] + "..."
