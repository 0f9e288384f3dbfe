"""The errors that a user can cause or meet, each with its exit code.

Everything the program refuses ends in one of these: a message that names the file, the key and the value,
and a hint that says what to do. Any other exception is a bug of ours and exits with 1.
"""

from __future__ import annotations

from pathlib import Path


class PpoError(Exception):
    """An error with a message for people, a hint, and the place it comes from.

    Args:
        message: What is wrong, naming the value.
        hint: What to do next.
        key: The setting that is wrong, as a dotted path.
        file: The file that is wrong.
        line: Its line, counted from 1.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        key: str | None = None,
        file: str | Path | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.key = key
        self.file = None if file is None else str(file)
        self.line = line
        if hint:
            self.add_note(f"hint: {hint}")  # Python shows it below the message

    def to_json(self) -> dict[str, str | int]:
        """The error as the JSON document of ``--json``; what does not apply is absent."""
        fields = {
            "message": self.message,
            "hint": self.hint,
            "key": self.key,
            "file": self.file,
            "line": self.line,
        }
        return {name: value for name, value in fields.items() if value is not None}


class UsageError(PpoError):
    """Wrong usage or configuration, or no such run."""

    exit_code = 2


class DivergedError(PpoError):
    """A run stopped because a number became NaN or infinite."""

    exit_code = 3


class RunLockedError(PpoError):
    """Another process is writing this run."""

    exit_code = 4


class CorruptFileError(PpoError):
    """A file is damaged, or not safe to open."""

    exit_code = 5


class SweepFailedError(PpoError):
    """A sweep ended with runs that failed or diverged."""

    exit_code = 6


class StorageError(PpoError):
    """The disk is full or cannot be written."""

    exit_code = 74


def not_installed(what: str, extra: str) -> UsageError:
    """The error for a library that an extra brings.

    Args:
        what: Who needs which, as in ``plots need matplotlib``.
        extra: The extra.
    """
    return UsageError(
        f"{what}, which is not installed", hint=f"install it with: pip install 'ppo-cli[{extra}]'"
    )
