"""Sweeps that are typed train in this process, and there is one that is complete."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.sweep_commands import CLIPS
from helpers.sweep_helpers import InProcess, train_in_process


@pytest.fixture(autouse=True)
def executors(monkeypatch: pytest.MonkeyPatch) -> list[InProcess]:
    """The executors of the sweeps of a test."""
    monkeypatch.delenv("FAULTY_IS_CURED", raising=False)
    return train_in_process(monkeypatch)


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep that is complete; nobody changes it."""
    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        train_in_process(patch)
        result = inside(*CLIPS, cwd=folder)
    assert result.code == 0, result.stderr
    return folder
