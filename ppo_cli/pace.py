"""Doing costly things rarely: checkpoints of a training, sums of a sweep of ten thousand runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Pace:
    """Says when something may be done again, so that it takes no more than its share of the time.

    Args:
        share: Of the time, at most.
        seconds: The shortest time in between.
    """

    def __init__(self, share: float, seconds: float = 0.0) -> None:
        self._share = share
        self._seconds = seconds
        self._next = 0.0

    def due(self) -> bool:
        """Whether it may be done now."""
        return time.monotonic() >= self._next

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Do it; how long it takes decides when it is due again."""
        began = time.monotonic()
        try:
            yield
        finally:
            ended = time.monotonic()
            self._next = ended + max(self._seconds, (ended - began) / self._share)
