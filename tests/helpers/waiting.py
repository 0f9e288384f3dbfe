"""Waiting for other processes and threads without a bound that a busy machine could reach."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 600.0  # seconds; what has not come by then does not come at all, on any machine


def wait_until(condition: Callable[[], object], what: str = "this", *, poll: float = 0.01) -> None:
    """Wait until something is so, or fail when it never comes."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} never came to pass"
        time.sleep(poll)
