"""``ppo_cli.compare``: what ``ppo compare`` does, called from Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.run_folders import make_group

from ppo_cli import compare
from ppo_cli.errors import UsageError


@pytest.fixture
def groups(runs_dir: Path) -> Path:
    """Two groups of three seeds, and the working directory in which they lie."""
    make_group(runs_dir, "low", [10.0, 11.0, 12.0])
    make_group(runs_dir, "high", [90.0, 91.0, 95.0], settings={"gamma": 0.9})
    return runs_dir.parent


def test_the_function_and_the_command_give_equal_documents(groups: Path) -> None:
    typed = inside("compare", "low", "b=high", "--threshold", "50", "--json", cwd=groups).json
    plots = typed.pop("plots")
    assert compare("low", "b=high", threshold=50) == typed
    assert plots == [] and typed["comparisons"][0]["verdict"]


def test_what_cannot_be_compared_is_refused(groups: Path) -> None:
    with pytest.raises(UsageError, match="one group only: low"):
        compare("low")
    with pytest.raises(UsageError, match="no threshold"):
        compare("low", "high", threshold=float("nan"))
    with pytest.raises(UsageError, match="not logged 'entropie'"):
        compare("low", "high", metric="entropie")
