"""Random streams: each number is a function of (run seed, purpose, index), never of what was drawn before.

A stream is not a state that travels along; it is made anew for each iteration and each episode from its
address. So there is nothing to save for an exact resume, a member draws the same numbers alone and within a
population, and no two runs or environments share a stream (``seed + i`` schemes do).

``numpy.random.SeedSequence`` mixes the address into independent streams (O'Neill 2015, "Developing a seed_seq
alternative").
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are for. The values are part of every run's results: never renumber them."""

    INIT = 0
    ACTION = 1
    SHUFFLE = 2
    EPISODE = 3
    EVAL = 4
    FINAL_EVAL = 5
    USER_EVAL = 6
    CLIP = 7
    PAIR = 8
    TEACHER = 9
    FIT = 10
    SPLIT = 11


def generator(seed: int, stream: Stream, *index: int) -> np.random.Generator:
    """The generator at one address.

    Args:
        seed: The run's seed.
        stream: What the numbers are for.
        *index: Which of them, for example the iteration.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(int(stream), *index))))


def episode_seed(seed: int, stream: Stream, env: int, episode: int) -> int:
    """The reset seed of episode ``episode`` of environment ``env``, an integer below 2**63."""
    state = np.random.SeedSequence(seed, spawn_key=(int(stream), env, episode)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))
