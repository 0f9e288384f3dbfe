"""Comparisons of run folders that are made by hand, and how one is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers.run_folders import make_group
from ppo_cli.comparison.comparison import Comparison, compare_groups
from ppo_cli.comparison.groups import find_groups
from ppo_cli.errors import UsageError

LOW = (200.0, 205.0, 195.0, 210.0, 190.0)
MIDDLE = (203.0, 199.0, 212.0, 196.0, 206.0)
HIGH = (300.0, 304.0, 296.0, 310.0, 290.0)


def compare(runs_dir: Path, *words: str, **options: Any) -> Comparison:
    """What ``ppo compare`` makes of these words."""
    return compare_groups(find_groups(runs_dir, words), **options)


def compare_scores(runs_dir: Path, **groups: Sequence[float | None]) -> Comparison:
    """Groups made from their scores, one per seed."""
    for name, scores in groups.items():
        make_group(runs_dir, name, scores)
    return compare(runs_dir, *groups)


def refusal(runs_dir: Path, *words: str, **options: Any) -> str:
    """The message and the hint with which a comparison is refused."""
    with pytest.raises(UsageError) as caught:
        compare(runs_dir, *words, **options)
    return f"{caught.value.message} ({caught.value.hint})"
