"""The bottom of a terminal, redrawn in place by a thread of its own that takes next to no time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rich.console import Console, RenderableType
from rich.live import Live

_REFRESH_SECONDS = 0.25
_COST_SHARE = 0.01


class LiveArea:
    """Draws four times per second at most, never for more than a hundredth of the time, and leaves nothing.

    Args:
        console: The terminal.
        render: What to draw; called in the thread.
    """

    def __init__(self, console: Console, render: Callable[[], RenderableType]) -> None:
        self._live = Live(
            get_renderable=render, console=console, auto_refresh=False, transient=True, redirect_stdout=False,
            vertical_overflow="crop",
        )  # fmt: skip
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="live-view", daemon=True)

    def start(self) -> None:
        """Take the bottom of the terminal and begin to draw."""
        self._live.start(refresh=True)
        self._thread.start()

    def stop(self) -> None:
        """Give the terminal back. May be called twice."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)
        self._live.stop()

    def _refresh(self) -> None:
        """Draw until the end; wait a hundred times as long as drawing took."""
        pause = _REFRESH_SECONDS
        while not self._ended.wait(pause):
            before = time.thread_time()
            self._live.refresh()
            pause = max(_REFRESH_SECONDS, (time.thread_time() - before) / _COST_SHARE)
