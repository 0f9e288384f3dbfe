"""Environments whose pictures tell the step, for every test of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.render_helpers import forget_clocks, register_clocks


@pytest.fixture(autouse=True, scope="module")
def clocks() -> Iterator[None]:
    register_clocks()
    yield
    forget_clocks()
