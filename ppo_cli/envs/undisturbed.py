"""What belongs to the whole process is put back after code of the user's, which may have changed it.

Runs lie below the working directory; arithmetic of ours depends on NumPy's way with errors and on torch's
default type, gradients and threads; Ctrl-C has to reach us. Random numbers are not among it: ours come from
generators of our own (``rng``), so that ``torch.manual_seed`` and its like change nothing. Nor are warnings:
which of them are shown is the user's choice.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class undisturbed:  # noqa: N801 (used as contextlib's own are; a class, because it is entered at every step)
    """Put back after the block: the working directory, streams, NumPy's way with errors, torch's defaults."""

    def __enter__(self) -> None:
        """Note how everything is."""
        try:
            self._folder: str | None = os.getcwd()
        except OSError:  # somebody has removed it
            self._folder = None
        self._streams = sys.stdout, sys.stderr
        self._torch = _torch_state()
        self._errstate = np.errstate()
        self._errstate.__enter__()

    def __exit__(self, *_: object) -> None:
        """Put back what has changed."""
        self._errstate.__exit__(None, None, None)
        sys.stdout, sys.stderr = self._streams
        if (now := _torch_state()) is not None and now != (before := self._torch or _as_imported(now)):
            _set_torch(before)
        with contextlib.suppress(OSError):
            if self._folder is not None and os.getcwd() != self._folder:
                os.chdir(self._folder)


@contextlib.contextmanager
def own_signals() -> Iterator[None]:
    """Put back after the block what Ctrl-C and requests to stop do; in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def _torch_state() -> tuple[Any, bool, int] | None:
    """Default type, whether gradients are computed, threads; None where torch is not loaded."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):  # it may be half imported
        return None
    return torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()


def _as_imported(now: tuple[Any, bool, int]) -> tuple[Any, bool, int]:
    """The state of a torch that the block has imported; how many threads it had does not matter."""
    return sys.modules["torch"].float32, True, now[2]


def _set_torch(state: tuple[Any, bool, int]) -> None:
    torch: Any = sys.modules["torch"]
    dtype, gradients, threads = state
    torch.set_default_dtype(dtype)
    torch.set_grad_enabled(gradients)
    torch.set_num_threads(threads)
