"""JSON files with one object each: strict (no NaN), replaced whole, read with care."""

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


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Replace a file by an object.

    Raises:
        StorageError: It cannot be written; the old file is as it was.
    """
    text = json.dumps(strict(document), indent=2, allow_nan=False, ensure_ascii=False)
    atomic_write(path, f"{text}\n".encode())


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
