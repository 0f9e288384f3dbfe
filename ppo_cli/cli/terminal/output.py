"""What commands print as JSON: one document, strict (no NaN), ASCII, on stdout."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ppo_cli.report.text import ReaderGoneError
from ppo_cli.storage.json_file import json_text


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document.

    Raises:
        ReaderGoneError: Nobody reads stdout any more.
        OSError: stdout cannot be written.
    """
    write_stdout(json_text(document, ascii_only=True))


def write_stdout(text: str) -> None:
    """Write text to stdout as it is, at once; into nothing when stdout is closed."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGoneError from None
