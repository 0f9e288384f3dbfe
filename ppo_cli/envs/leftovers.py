"""Processes that an environment has started and left behind, for which the interpreter would wait."""

from __future__ import annotations

import sys


def end_children() -> int:
    """End all processes of ``multiprocessing`` that are still there; to be called last of all.

    ``ppo`` itself starts none by ``multiprocessing``, so they are the environment's.

    Returns:
        How many there were.
    """
    if "multiprocessing" not in sys.modules:
        return 0
    import multiprocessing

    children = multiprocessing.active_children()
    for child in children:
        child.kill()
        child.join(1.0)
    return len(children)
