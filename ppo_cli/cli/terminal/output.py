"""What commands print as JSON: one document, strict (no NaN), ASCII, on stdout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppo_cli.report.results_stream import results_stream
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
    stream = results_stream()
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise ReaderGoneError from None
