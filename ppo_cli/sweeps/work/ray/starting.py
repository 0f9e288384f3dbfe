"""Getting hold of Ray: a cluster that is there, or one of our own that nobody else can reach."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ppo_cli
from ppo_cli.errors import UsageError
from ppo_cli.storage.files import storage_errors
from ppo_cli.sweeps.work.machine import usable_cores

_PACKAGES = str(Path(ppo_cli.__file__).resolve().parents[1])  # the folder that this package lies in
_KNOCK_SECONDS = 10.0
_OBJECT_STORE_BYTES = 80 << 20  # nothing large passes through Ray; containers have little shared memory
_LONGEST_TEMP_DIR = 20  # characters: Ray makes the paths of sockets from it, and 103 is the most for those


def import_ray() -> Any:
    """Ray, if it is installed.

    Raises:
        UsageError: It is not.
    """
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError:
        raise UsageError(
            "--executor ray needs Ray, which is not installed", hint="pip install 'ppo-cli[ray]'"
        ) from None
    return ray


@contextlib.contextmanager
def cluster(address: str) -> Iterator[Any]:
    """A connection to a cluster.

    Raises:
        UsageError: There is none.
    """
    ray = import_ray()
    complaint = f"cannot connect to Ray at {address!r}"
    hint = "run ppo on a node of a running cluster; one is started with: ray start --head"
    target = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    try:
        if target != "auto":
            _knock(target)
    except (OSError, ValueError) as error:
        raise UsageError(f"{complaint}: {error}", hint=hint) from error
    with _session(ray, complaint, hint, address=target):
        yield ray


def _knock(address: str) -> None:
    """See whether anybody is there: Ray would wait for minutes.

    Raises:
        OSError, ValueError: Nobody is, or this is no address.
    """
    host, _, port = address.rpartition(":")
    if "/" in host or not (host and port.isdecimal()):
        raise ValueError("give auto or host:port")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()


@contextlib.contextmanager
def own_ray(num_cpus: int | None) -> Iterator[Any]:
    """A Ray of our own that nobody else can reach, and that leaves nothing behind.

    Raises:
        UsageError: It cannot be started.
        StorageError: There is no room for its files.
    """
    folder = _short_folder()
    own = {
        # The name says Windows; with 0, Ray listens on the loopback address only, everywhere.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        # Other users of this machine can reach the loopback address: they would need the token.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token(),
        "PYTHONPATH": os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH")))),
    }
    options = {
        "address": "local",
        "num_cpus": num_cpus or len(usable_cores()),
        "num_gpus": 0,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": folder,
    }
    try:
        with contextlib.ExitStack() as stack:
            with _environment(own):
                ray = import_ray()
                stack.enter_context(_session(ray, "cannot start Ray", None, **options))
            yield ray
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _short_folder() -> str:
    """A new folder for temporary files."""
    temp = tempfile.gettempdir()
    if len(temp) > _LONGEST_TEMP_DIR and os.path.isdir("/tmp"):
        temp = "/tmp"
    with storage_errors(Path(temp)):
        return tempfile.mkdtemp(prefix="ppo-", dir=temp)


@contextlib.contextmanager
def _session(ray: Any, complaint: str, hint: str | None, **options: Any) -> Iterator[None]:
    """Ray as long as the block runs.

    Raises:
        UsageError: It cannot be had; the message begins with the complaint.
    """
    if ray.is_initialized():
        raise RuntimeError("this process is connected to Ray already")
    try:
        try:
            with _own_signals():
                ray.init(log_to_driver=False, logging_level=logging.CRITICAL, **options)
        except Exception as error:  # Ray raises errors of many kinds here
            raise UsageError(f"{complaint}: {in_short(error)}", hint=hint) from error
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def silenced(ray: Any) -> Iterator[None]:
    """Keep Ray from printing what the events tell to the standard output, which may be a JSON document."""
    module = ray._private.worker
    before = module.print_to_stdstream
    module.print_to_stdstream = lambda *_, **__: None
    try:
        yield
    finally:
        module.print_to_stdstream = before


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the decision when to stop here.

    Ray's handler of SIGTERM would end this process, and training without a checkpoint. The processes that are
    started in this block would end when the terminal is closed; that they ignore Ctrl-C is Ray's own doing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    with _blocked_hangup():
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


@contextlib.contextmanager
def _blocked_hangup() -> Iterator[None]:
    if sys.platform == "win32":
        yield
    else:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for the block and for the processes that it starts."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@functools.cache
def token() -> str:
    """A secret of this process: Ray remembers the first one that it sees."""
    return secrets.token_hex(32)


def in_short(error: BaseException) -> str:
    """An error of Ray's in one line; its own text may be pages long, with a traceback in it."""
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    line = lines[-1 if "Traceback" in str(cause) else 0] if lines else ""
    return f"{type(cause).__name__}: {line}" if line else type(cause).__name__
