"""What commands print as JSON: one document, strict (no NaN), ASCII, on stdout."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ppo_cli.report.text import ReaderGoneError


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document.

    Raises:
        ReaderGoneError: Nobody reads stdout any more.
        OSError: stdout cannot be written.
    """
    write_stdout(json.dumps(strict(document), indent=2, allow_nan=False) + "\n")


def write_stdout(text: str) -> None:
    """Write text to stdout as it is, at once; into nothing when stdout is closed."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGoneError from None


def strict(value: Any) -> Any:
    """A value as strict JSON can hold it: NaN and infinities become null.

    >>> strict({"mean": float("nan"), "ci95": (1.0, 2.0)})
    {'mean': None, 'ci95': [1.0, 2.0]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    return str(value) if isinstance(value, PurePath) else value
