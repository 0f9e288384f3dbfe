"""The first lines of log files, read without the rest: their columns, and when a run began."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from pathlib import Path

from ppo_cli.runs.run_dir import RunDir

_HEAD = 64 * 1024  # bytes; longer than any line that ppo writes first


def first_lines(path: Path) -> list[str]:
    """The whole lines at the beginning of a file; none where there is no regular file."""
    if path.is_symlink() or not path.is_file():
        return []
    try:
        with path.open("rb") as file:
            text = file.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return []
    return text[: text.rfind("\n") + 1].splitlines()


def newest_date(runs: Iterable[RunDir]) -> str:
    """The day on which the newest of some runs began (UTC), as its ``monitor.csv`` tells; or nothing.

    Not the time of a file, and not today: the same runs give the same page wherever they were copied.
    """
    began = max((_began(run) for run in runs), default=0.0)
    if began <= 0:
        return ""
    day = datetime.datetime.fromtimestamp(began, datetime.UTC)
    return f"{day.day} {day:%B %Y}"


def _began(run: RunDir) -> float:
    """Seconds since 1970; 0 where that is not known."""
    head = next(iter(first_lines(run.monitor_path)), "")
    try:
        began = float(json.loads(head.removeprefix("#"))["t_start"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0.0
    return began if 0 < began < 32_503_680_000 else 0.0  # until the year 3000
