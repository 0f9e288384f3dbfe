"""Threads of torch and Python's garbage collector, as training sets them in its process."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

import torch

GARBAGE_AFTER = 50_000  # new objects; Python's own 700 cost 5 % of the time on LunarLander


@contextlib.contextmanager
def fewer_garbage_collections() -> Iterator[None]:
    """Look for reference cycles once, before the block, and then seldom."""
    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(GARBAGE_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextlib.contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let the arithmetic of a block use several threads; collecting is too fine-grained to gain from them."""
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(1)
