"""What every test gets: one torch thread, no network, and a folder of its own."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

# Before anything imports torch, and inherited by the processes that tests start: tests run side by side.
os.environ["OMP_NUM_THREADS"] = "1"
# Processes inherit what is ignored: under nohup, hanging up would stop none of those that tests start.
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# A machine without a display, which is also what the package promises to run on.
os.environ["SDL_VIDEODRIVER"] = "dummy"
# What a user has set for their own runs or terminal does not reach the tests.
for _name in list(os.environ):
    if _name.startswith("PPO_") or _name in {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "RAY_ADDRESS"}:
        del os.environ[_name]


def pytest_collection_finish() -> None:
    """Take what all test modules have imported out of the sight of garbage collection.

    A training looks for garbage before it begins: among all of that it would take longer than the training.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """Undo what a training run before this test has set."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting to another machine, or asking for its address, fails the test."""

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise AssertionError(f"a test must not use the network: {args!r}")

    def connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            refuse(address)
        real_connect(self, address)

    real_connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ``runs`` folder in an empty working directory, where commands look for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PPO_RUNS_DIR", raising=False)
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder
