"""Modules that are not there, or not yet."""

from __future__ import annotations

import sys

import pytest


def forget(monkeypatch: pytest.MonkeyPatch, *prefixes: str) -> None:
    """Let modules be imported anew; after the test they are as before, in their packages too."""
    for name in [name for name in sys.modules if name.startswith(prefixes)]:
        package, _, last = name.rpartition(".")
        if hasattr(sys.modules.get(package), last):
            monkeypatch.setattr(sys.modules[package], last, getattr(sys.modules[package], last))
        monkeypatch.delitem(sys.modules, name)
