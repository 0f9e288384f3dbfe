"""What a training needs of its process: threads of torch, seldom garbage collection, an eye on memory."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator

import torch

from ppo_cli.errors import UsageError
from ppo_cli.memory import free_memory, own_memory

GARBAGE_AFTER = 50_000  # new objects; Python's own 700 cost 5 % of the time on LunarLander

LOOK_SECONDS = 1.0
LEAST_FREE, GROWN = 0.1, 0.25
"""Shares of the memory that was free when training began: less is left, and more has this process taken."""


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


class MemoryWatch:
    """Sees an environment take all memory, before the system ends the process without a word.

    What training itself needs it has taken in its first iteration; from then on it does not grow.

    Args:
        env_id: The environment, for messages.
    """

    def __init__(self, env_id: str) -> None:
        self._env_id = env_id
        self._began: tuple[int, int] | None = None
        self._looked = 0.0

    def check(self) -> None:
        """Look, at most once in a second.

        Raises:
            UsageError: Memory runs out, and this process has taken much of it since it began.
        """
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        own, free = own_memory(), free_memory()
        self._began = self._began or (own, free)
        grown, free_at_first = own - self._began[0], self._began[1]
        if free > LEAST_FREE * free_at_first or grown < GROWN * free_at_first:
            return
        text = f"training takes {grown / 1e9:.1f} GB more than at first, and {free / 1e9:.1f} GB are free"
        raise UsageError(
            f"{self._env_id}: memory runs out: {text}",
            hint="the environment keeps what it should let go of; the checkpoint is saved, and --resume goes "
            "on from it in a new process",
            key="env_id",
        )
