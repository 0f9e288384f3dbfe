"""What tests of sweeps share: sweeps in this process, and two to which nothing has happened."""

from __future__ import annotations

import pytest
from helpers.sweep_helpers import PRUNED_SPEC, RATES, Reference, save_whenever_possible, tiny_spec


@pytest.fixture(autouse=True)
def at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults are not mended."""
    monkeypatch.delenv("FAULTY_IS_CURED", raising=False)


@pytest.fixture
def every_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every iteration, as long trainings have many."""
    save_whenever_possible(monkeypatch)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A sweep of two learning rates; nobody changes it."""
    return Reference.of(tiny_spec(RATES), tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="session")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A pruned sweep of four learning rates; nobody changes it."""
    return Reference.of(PRUNED_SPEC, tmp_path_factory.mktemp("pruned"))
