"""Environments of Python for programs that cannot share one with ``ppo``, made once, on demand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from common import REPOSITORY, log

REQUIREMENTS = {"rejax": ("rejax==0.1.3", "gymnax<1"), "envpool": ("envpool>=1.2",)}
"""What to install for each; rejax 0.1.3 does not say that it needs a gymnax before 1."""


class PeerMissingError(Exception):
    """A peer cannot be had; the message says why."""


def peer_python(name: str) -> Path:
    """The interpreter of a peer's environment ``.venv-NAME``, which is made if it is not there.

    Args:
        name: One of :data:`REQUIREMENTS`.

    Raises:
        PeerMissingError: It cannot be installed.
    """
    folder = REPOSITORY / f".venv-{name}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    done = folder / ".installed"
    if done.exists():
        return python
    log(f"Installing {', '.join(REQUIREMENTS[name])} into {folder.name}, once.")
    _call(name, sys.executable, "-m", "venv", "--clear", folder)
    _call(name, python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *REQUIREMENTS[name])
    done.touch()
    return python


def peer_pythons(names: Collection[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """The interpreters of the peers that can be had, and why others cannot."""
    pythons, missing = {}, {}
    for name in names:
        try:
            pythons[name] = peer_python(name)
        except PeerMissingError as error:
            missing[name] = str(error)
            log(str(error))
    return pythons, missing


def _call(name: str, *words: object) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise PeerMissingError(f"{name} could not be installed: {last[0]}")
