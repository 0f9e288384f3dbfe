"""What the tests of the kernels share: the libraries of this machine."""

from __future__ import annotations

import ctypes

import pytest

from ppo_cli.kernels.library import Library, available, build_path, usable
from ppo_cli.kernels.signatures import declare
from ppo_cli.kernels.targets import CPU, TARGETS, this_target


@pytest.fixture(scope="session")
def library() -> Library:
    """The library that is used on this machine."""
    found = available()
    if isinstance(found, str):
        pytest.skip(f"no compiled kernels: {found}")
    return found


@pytest.fixture(scope="session")
def builds(library: Library) -> dict[str, ctypes.CDLL]:
    """The builds for all instruction sets that this processor has."""
    levels = usable(list(TARGETS[this_target()].levels), ctypes.CDLL(str(build_path(CPU))))
    return {level: declare(ctypes.CDLL(str(build_path(level)))) for level in levels}
