"""The kernels' random streams against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.kernel_cases import all_libraries, some_library

from ppo_cli.kernels.streams import episode_seeds, generators, permutations
from ppo_cli.learn.minibatches import permutations as permutations_by_numpy
from ppo_cli.rng import Stream, episode_seed, generator

SEEDS = (0, 1, 2**32 - 1, 2**32, 2**63, 2**128 + 5, 2**256 - 1)


def test_the_seeds_of_episodes_are_the_runs() -> None:
    envs, episodes = np.array([0, 1, 7, 7]), np.array([0, 5, 2, 2**32])
    for lib in all_libraries():
        for seed in SEEDS:
            found = episode_seeds(lib, seed, Stream.FINAL_EVAL, envs, episodes)
            pairs = zip(envs.tolist(), episodes.tolist(), strict=True)
            assert found.tolist() == [episode_seed(seed, Stream.FINAL_EVAL, *pair) for pair in pairs]


def test_a_seed_that_is_too_long_is_refused() -> None:
    nothing = np.zeros(0, np.int64)
    with pytest.raises(ValueError, match="at most 256 bits"):
        episode_seeds(some_library(), 2**256, Stream.EPISODE, nothing, nothing)
    with pytest.raises(ValueError, match="at most 256 bits"):
        permutations(some_library(), [0, 2**256], Stream.SHUFFLE, 0, 1, 4)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 64, 65, 1000, 70_001])
def test_the_orders_of_a_rollout_are_numpys(size: int) -> None:
    for lib in all_libraries():
        for iteration, threads in ((0, 1), (77, 2)):
            found = permutations(lib, SEEDS, Stream.SHUFFLE, iteration, 3, size, threads)
            wanted = permutations_by_numpy(SEEDS, iteration, 3, size)
            assert np.array_equal(found, wanted.numpy())


def test_the_generators_of_runs_are_numpys_and_set_anew_for_each() -> None:
    for lib in all_libraries():
        for own, seed in zip(generators(lib, SEEDS, Stream.ACTION, 2**33), SEEDS, strict=True):
            wanted = generator(seed, Stream.ACTION, 2**33)
            assert own.standard_exponential(5, dtype=np.float32).tolist() == (
                wanted.standard_exponential(5, dtype=np.float32).tolist()
            )
            assert own.integers(1 << 30, size=3).tolist() == wanted.integers(1 << 30, size=3).tolist()
