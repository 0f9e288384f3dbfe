"""Calls of the kernels with shapes and numbers that nobody would choose; run as a program on one library.

    python kernel_fuzz.py LIBRARY SEED ROUNDS

Nothing is compared: the library is one that stops the process where C reads or writes what it must not. Each
function covers entry points of the library; all of them together have to cover all.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from helpers import kernel_fuzz_networks, kernel_fuzz_playing
from helpers.kernel_fuzz_networks import strange_numbers
from ppo_cli.kernels.environments import KINDS, CompiledEnvironments
from ppo_cli.kernels.signatures import declare
from ppo_cli.kernels.streams import episode_seeds, generators, permutations

Fuzz = Callable[[ctypes.CDLL, np.random.Generator], None]


def fuzz_environments(lib: ctypes.CDLL, choices: np.random.Generator) -> None:
    """Any number of rows, rows twice or not at all, states that are none, and steps without an end."""
    kind = list(KINDS.values())[choices.integers(len(KINDS))]
    num_rows = int(choices.integers(0, 9))
    argument = float(strange_numbers(choices, (), np.float64))
    environments = CompiledEnvironments(lib, kind, num_rows, argument, int(choices.integers(0, 5)))
    obs = np.zeros((num_rows, kind.obs_size), np.float32)
    rows = (
        choices.integers(0, max(num_rows, 1), size=choices.integers(0, 12)) if num_rows else np.zeros(0, int)
    )
    environments.reset(rows, choices.integers(0, 2**64, size=rows.size, dtype=np.uint64).tolist(), obs)
    if choices.random() < 0.5:
        environments.state[:] = strange_numbers(choices, environments.state.shape, np.float64)
    for _ in range(int(choices.integers(0, 20))):
        mask = choices.random(num_rows) < 0.7
        environments.step(_actions(kind.num_actions, num_rows, choices), mask, obs)
        environments.reset(np.flatnonzero(mask), None, obs)
    if num_rows:
        environments.keep(choices.integers(0, num_rows, size=choices.integers(0, num_rows + 1)).tolist())


def _actions(num_actions: int | None, num_rows: int, choices: np.random.Generator) -> Any:
    if num_actions is None:
        return strange_numbers(choices, (num_rows, 1), np.float32)
    return choices.integers(0, num_actions, size=num_rows)


def fuzz_seeds(lib: ctypes.CDLL, choices: np.random.Generator) -> None:
    """Seeds of any length up to the longest; orders of nothing and of one."""
    seed = int.from_bytes(choices.bytes(int(choices.integers(0, 33))), "little")
    size = int(choices.integers(0, 6))
    envs, episodes = (choices.integers(0, 2 ** int(choices.integers(1, 63)), size=size) for _ in range(2))
    episode_seeds(lib, seed, int(choices.integers(0, 8)), envs, episodes)
    seeds, index = [seed, *choices.integers(2**40, size=size).tolist()], int(choices.integers(2**40))
    list(generators(lib, seeds, int(choices.integers(8)), index))
    permutations(lib, seeds, 2, index, int(choices.integers(0, 3)), int(choices.integers(0, 40)), size + 1)


FUZZERS: dict[Fuzz, set[str]] = {
    fuzz_environments: {"reset_environments", "step_environments"},
    fuzz_seeds: {"episode_seeds", "permutations", "stream_generators"},
    **kernel_fuzz_networks.FUZZERS,
    **kernel_fuzz_playing.FUZZERS,
}
"""Each with the entry points that it covers."""


def main(library: str, seed: str, rounds: str) -> None:
    """Call everything ``rounds`` times."""
    lib, choices = declare(ctypes.CDLL(library)), np.random.default_rng(int(seed))
    for _ in range(int(rounds)):
        for fuzz in FUZZERS:
            fuzz(lib, choices)
    print("reached the end")


if __name__ == "__main__":
    main(*sys.argv[1:])
