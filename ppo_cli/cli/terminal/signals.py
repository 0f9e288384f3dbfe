"""Stopping by signals: the first asks, the second insists.

A training stops at the end of its iteration with a checkpoint when SIGINT (Ctrl-C), SIGTERM or SIGHUP
arrives; a second signal ends the process at once (the last checkpoint is intact). The handlers are installed
explicitly, because a process started with ``&`` from a script inherits SIGINT as ignored.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

_SHOW_CURSOR = b"\x1b[?25h"


class Stop:
    """Whether a signal asked for a stop; called, it answers."""

    def __init__(self) -> None:
        self.signum: int | None = None

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.signum is not None

    @property
    def exit_code(self) -> int:
        """128 plus the signal's number; 0 when there was none."""
        return 0 if self.signum is None else 128 + self.signum

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """The signal handler."""
        del frame
        if self.signum is not None:
            _show_cursor()
            os._exit(128 + signum)
        self.signum = signum


@contextlib.contextmanager
def stop_signals() -> Iterator[Stop]:
    """Handle the stop signals while the block runs; the handlers from before come back after it."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {signum: signal.signal(signum, stop.handle) for signum in _signals()}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler if handler is not None else signal.SIG_DFL)


def _signals() -> list[signal.Signals]:
    """The signals that stop; SIGHUP only where it is not ignored, as ``nohup`` wants it to be."""
    signals = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        signals.append(hangup)
    return signals


def _show_cursor() -> None:
    """A live view hides the cursor; give it back."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), _SHOW_CURSOR)
