"""How training uses the process that it runs in: threads of torch, Python's garbage collector."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

import torch

GARBAGE_AFTER = 50_000  # new objects; Python's own 700 cost 5 % of the time on LunarLander


@contextlib.contextmanager
def fewer_garbage_collections() -> Iterator[None]:
    """Look for reference cycles less often, and not among what is there already (modules, environments).

    What the calling program has frozen itself stays frozen: Python can only thaw everything at once.
    """
    before, is_frozen = gc.get_threshold(), gc.get_freeze_count() > 0
    gc.collect()
    if not is_frozen:
        gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not is_frozen:
            gc.unfreeze()


@contextlib.contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let the arithmetic of a block use several threads; collecting is too fine-grained to gain from them."""
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(1)
