"""Reading the CSV files of runs: also while they are written, also those of strangers. No torch."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.storage.files import corrupt, read_file

MAX_BYTES = 2**30


def read_columns(path: Path, *names: str) -> dict[str, list[float]]:
    """Columns of numbers by name, each with one entry per whole line; NaN where there is no number.

    A file that is not there has no lines. The last line of a file that is being written may be torn: it is
    left out.

    Args:
        path: ``metrics.csv``, ``eval.csv`` or ``monitor.csv``; lines that begin with ``#`` are passed over.
        *names: The columns; all of them when none is named.

    Raises:
        CorruptFileError: It is no regular file, cannot be read, is not CSV, or lacks a column.
    """
    try:
        text = read_file(path, MAX_BYTES).decode("utf-8", "replace")
    except UsageError:
        return {name: [] for name in names}
    lines = text[: text.rfind("\n") + 1].splitlines()
    try:
        rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    except csv.Error as error:
        raise corrupt(path, f"is damaged: {error}") from None
    if not rows:
        return {name: [] for name in names}
    names = names or tuple(rows[0])
    missing = [name for name in names if name not in rows[0]]
    if missing:
        raise CorruptFileError(f"{path} has no column {missing[0]!r}", file=path)
    places = {name: rows[0].index(name) for name in names}
    return {name: [_number(row, place) for row in rows[1:]] for name, place in places.items()}


def _number(row: list[str], place: int) -> float:
    try:
        return float(row[place])
    except (IndexError, ValueError):
        return math.nan
