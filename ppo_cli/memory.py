"""Memory: how much of it is free, and how much this process holds."""

from __future__ import annotations

import os
from pathlib import Path

_UNKNOWN = 4 * 2**30
_CONTAINER = Path("/sys/fs/cgroup")  # version 2, as a container sees its own


def free_memory() -> int:
    """Bytes of memory that are free now, in this container if it is one; 4 GB where nothing says."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return _UNKNOWN
    try:
        limit, used = (int((_CONTAINER / name).read_text()) for name in ("memory.max", "memory.current"))
        files = dict(line.split() for line in (_CONTAINER / "memory.stat").read_text().splitlines())
        return min(free, max(0, limit - used + int(files["inactive_file"])))  # which is given up when needed
    except (OSError, KeyError, ValueError):  # no container, or no limit
        return free


def own_memory() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
