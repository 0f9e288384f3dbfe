"""Strict JSON (no NaN) as text and as files with one object each: replaced whole, read with care."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from ppo_cli.storage.files import atomic_write, corrupt, read_file

MAX_BYTES = 64 * 2**20


def strict(value: Any) -> Any:
    """A value as strict JSON can hold it: NaN and infinities are null, NumPy's numbers Python's, paths text.

    >>> strict({"mean": float("nan"), "ci95": (1.0, 2.0)})
    {'mean': None, 'ci95': [1.0, 2.0]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    if hasattr(value, "tolist"):
        return strict(value.tolist())
    return str(value) if isinstance(value, PurePath) else value


def json_text(document: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    r"""An object as strict JSON on indented lines, a line's end behind it.

    Args:
        document: The object.
        ascii_only: Escape other characters, for readers whose encoding nobody knows.

    >>> json_text({"name": "ü", "mean": float("nan")}, ascii_only=True)
    '{\n  "name": "\\u00fc",\n  "mean": null\n}\n'
    """
    return json.dumps(strict(document), indent=2, allow_nan=False, ensure_ascii=ascii_only) + "\n"


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Replace a file by an object.

    Raises:
        StorageError: It cannot be written; the old file is as it was.
    """
    atomic_write(path, json_text(document).encode())


def read_json(path: Path, max_bytes: int = MAX_BYTES) -> dict[str, Any] | None:
    """The object in a file, or None while there is no file.

    Raises:
        CorruptFileError: It is not a JSON object, too large, or no regular file.
    """
    if not os.path.lexists(path):
        return None
    try:
        document = json.loads(read_file(path, max_bytes).decode("utf-8"))
    except UnicodeDecodeError:
        raise corrupt(path, "is not UTF-8 text") from None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise corrupt(path, "is damaged: it holds no JSON object")
    return document


def as_number(value: object) -> float | None:
    """Take a number from a file that may hold anything; None for all that is no number or beyond a float.

    >>> as_number(3), as_number("3"), as_number(True), as_number(10**400)
    (3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def as_mapping(value: object) -> Mapping[str, Any]:
    """Take a mapping from a file that may hold anything; an empty one for all else."""
    return value if isinstance(value, Mapping) else {}
