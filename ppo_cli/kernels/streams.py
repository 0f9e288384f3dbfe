"""The random streams of :mod:`ppo_cli.rng` by the kernels, to the bit: ``c/streams.c``."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.kernels.arrays import address, for_ranges, pair

Array = NDArray[Any]

MAX_SEED_WORDS = 8


def seed_words(seed: int) -> Array:
    """A run's seed as words of 32 bits, least first, as NumPy takes it.

    Raises:
        ValueError: It is longer than the kernels can take.
    """
    size = max(1, -(-seed.bit_length() // 32))
    if size > MAX_SEED_WORDS:
        raise ValueError(f"a seed has at most {32 * MAX_SEED_WORDS} bits, not {seed.bit_length()}")
    return np.frombuffer(seed.to_bytes(4 * size, "little"), np.uint32)


class _RunSeed(ctypes.Structure):
    """``RunSeed`` in ``c/random.h``."""

    _fields_ = (("words", ctypes.c_void_p), ("count", ctypes.c_void_p))


class RunSeeds:
    """The seeds of several runs, where the kernels find them.

    Args:
        seeds: Each below 2**256.

    Attributes:
        pair: See :func:`ppo_cli.kernels.arrays.pair`.

    Raises:
        ValueError: One is longer than the kernels can take.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self._words = np.zeros((len(seeds), MAX_SEED_WORDS), np.uint32)
        self._counts = np.zeros(len(seeds), np.int64)
        for row, words in enumerate(map(seed_words, seeds)):
            self._words[row, : words.size], self._counts[row] = words, words.size
        kinds = {"words": np.uint32, "count": np.int64}
        self.pair = pair(_RunSeed, {"words": self._words, "count": self._counts}, kinds)


@lru_cache(64)
def run_seeds(seeds: tuple[int, ...]) -> RunSeeds:
    """The same, once for the seeds of a population: they are asked for in every iteration."""
    return RunSeeds(seeds)


def permutations(
    lib: ctypes.CDLL,
    seeds: Sequence[int],
    stream: int,
    index: int,
    num_orders: int,
    size: int,
    num_threads: int = 1,
) -> Array:  # [M, num_orders, size] int64
    """Orders of 0, 1, ..., size - 1 for each run, as its generator at (stream, index) permutes them.

    Args:
        lib: See :func:`~ppo_cli.kernels.signatures.declare`.
        seeds: The runs', each below 2**256.
        stream: What the numbers are for.
        index: Which of them, from 0 on.
        num_orders: How many orders of each run.
        size: Below 2**32.
        num_threads: Runs at work at once.
    """
    known, orders = run_seeds(tuple(seeds)), np.empty((len(seeds), num_orders, size), np.int64)

    def work(first: int, count: int) -> None:
        lib.permutations(first, count, known.pair, stream, index, num_orders, size, address(orders))

    for_ranges(len(seeds), work, num_threads)
    return orders


def generators(
    lib: ctypes.CDLL, seeds: Sequence[int], stream: int, index: int
) -> Iterator[np.random.Generator]:
    """The generators of several runs at (stream, index), as :func:`ppo_cli.rng.generator` makes them.

    Each is good until the next one is asked for: it is one generator, set anew, which takes a fifth of the
    time that it takes to make one.

    Args:
        lib: See :func:`~ppo_cli.kernels.signatures.declare`.
        seeds: The runs', each below 2**256.
        stream: What the numbers are for.
        index: Which of them, from 0 on.
    """
    words = np.empty((len(seeds), 4), np.uint64)
    lib.stream_generators(len(seeds), run_seeds(tuple(seeds)).pair, stream, index, address(words))
    bits = np.random.PCG64(0)
    generator = np.random.Generator(bits)
    for low, high, inc_low, inc_high in words.tolist():
        bits.state = {
            "bit_generator": "PCG64",
            "state": {"state": high << 64 | low, "inc": inc_high << 64 | inc_low},
            "has_uint32": 0,
            "uinteger": 0,
        }
        yield generator


def episode_seeds(lib: ctypes.CDLL, seed: int, stream: int, envs: Array, episodes: Array) -> Array:
    """Seeds of episodes, as :func:`ppo_cli.rng.episode_seed` has them.

    Args:
        lib: See :func:`~ppo_cli.kernels.signatures.declare`.
        seed: The run's seed, below 2**256.
        stream: What the episodes are for.
        envs: Whose episodes, int64 [B].
        episodes: Which of them, int64 [B].

    Returns:
        uint64 [B].
    """
    words = seed_words(seed)
    envs, episodes = np.ascontiguousarray(envs, np.int64), np.ascontiguousarray(episodes, np.int64)
    if envs.shape != episodes.shape:
        raise ValueError(f"{envs.size} environments for {episodes.size} episodes")
    seeds = np.empty(envs.shape, np.uint64)
    lib.episode_seeds(
        address(words), words.size, stream, envs.size, address(envs), address(episodes), address(seeds)
    )
    return seeds
