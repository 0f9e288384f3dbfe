"""What every test gets: one torch thread, no network, no waiting for the disk, and a folder of its own."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

# Before anything imports torch, and inherited by the processes that tests start: tests run side by side.
os.environ["OMP_NUM_THREADS"] = "1"
# Processes inherit what is ignored: under nohup, hanging up would stop none of those that tests start.
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# An example takes as long as the machine needs for it.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
# A machine without a display, which is also what the package promises to run on.
os.environ["SDL_VIDEODRIVER"] = "dummy"
# What tests agree to is nothing that the user agreed to.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="ppo-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)
# What a user has set for their own runs or terminal does not reach the tests.
for _name in list(os.environ):
    if _name.startswith("PPO_") or _name in {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "RAY_ADDRESS"}:
        del os.environ[_name]


@pytest.fixture(autouse=True, scope="module")
def little_to_look_through() -> None:
    """Take what is imported by now out of the sight of garbage collection.

    A training looks for garbage before it begins: among the modules of all tests that would take longer than
    the training itself.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """Undo what a training run before this test has set."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power is lost here, and the disk may be busy with others. (Processes that tests start do wait.)"""
    monkeypatch.setattr(os, "fsync", lambda fd: None)


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


@pytest.fixture(params=["torch", "compiled"])
def engine(request: pytest.FixtureRequest) -> str:
    """What computes, for the setting of this name: both engines keep the same promises."""
    if request.param == "compiled":
        from helpers.kernel_cases import some_library

        some_library()  # or skip, with the reason
    return str(request.param)


@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ``runs`` folder in an empty working directory, where commands look for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PPO_RUNS_DIR", raising=False)
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def trained_cartpole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run, in which CartPole was trained a little. To be read: ``cartpole`` is a copy."""
    from helpers.cli_runner import TINY, inside

    folder = tmp_path_factory.mktemp("trained")
    result = inside("train", *TINY, cwd=folder)
    assert result.code == 0, result.stderr
    return folder


@pytest.fixture
def cartpole(trained_cartpole: Path, tmp_path: Path) -> Path:
    """A copy of it, to write into."""
    shutil.copytree(trained_cartpole / "runs", tmp_path / "runs")
    return tmp_path
