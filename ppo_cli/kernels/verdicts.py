"""What tests of the kernels found on this machine, remembered in the user's cache.

A test takes some milliseconds and its verdict holds for a library, a processor and the libraries that it was
held to; so it is made once. Where nothing can be kept it is made by each process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path


def remembered(key: str, test: Callable[[], str]) -> str:
    """The verdict of a test, made now if it was not made before.

    Args:
        key: Everything that the verdict depends on.
        test: Returns what is wrong in words, or nothing.

    Returns:
        What the test returned, now or formerly.
    """
    folder = cache_folder()
    if folder is None:
        return test()
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    known = _read(path, key)
    if known is not None:
        return known
    verdict = test()
    _write(path, {"key": key, "verdict": verdict})
    return verdict


def cache_folder() -> Path | None:
    """Where verdicts are kept: in ``XDG_CACHE_HOME`` or the system's own place; None without a home."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):
        return Path(chosen) / "ppo-cli" / "kernels"
    if platform.system() == "Windows":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) / "ppo-cli" / "cache" / "kernels" if local else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    caches = home / "Library" / "Caches" if platform.system() == "Darwin" else home / ".cache"
    return caches / "ppo-cli" / "kernels"


def _read(path: Path, key: str) -> str | None:
    """What is kept, or None when it cannot be read or is about something else."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("key") != key:
        return None
    verdict = document.get("verdict")
    return verdict if isinstance(verdict, str) else None


def _write(path: Path, document: dict[str, str]) -> None:
    """Keep it if that can be done: whole or not at all, for others may do the same."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}-{os.getpid()}")
        try:
            new.write_text(json.dumps(document), encoding="utf-8")
            os.replace(new, path)
        finally:
            new.unlink(missing_ok=True)
