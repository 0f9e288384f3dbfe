"""What several tests of the command line look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cli_runner import TINY, inside


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two seeds were trained; who changes something works on a copy."""
    folder = tmp_path_factory.mktemp("trained")
    result = inside("train", *TINY, "--seeds", "2", cwd=folder)
    assert result.code == 0, result.stderr
    return folder
