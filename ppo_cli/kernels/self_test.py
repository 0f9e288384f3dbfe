"""Whether the kernels compute here what they should: some milliseconds, before a library is used.

Only what was tried can be trusted: libraries for other systems are built where they cannot be run, and
compilers, processors and C libraries differ. Tests are held to NumPy, which every process has loaded; those
of the repository hold the kernels to torch.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from ppo_cli.kernels import self_test_networks, self_test_playing
from ppo_cli.kernels.environments import KINDS, CompiledEnvironments
from ppo_cli.kernels.signatures import declare
from ppo_cli.kernels.streams import episode_seeds, generators, permutations
from ppo_cli.rng import Stream, episode_seed, generator


def complaint(lib: ctypes.CDLL) -> str:
    """What the library computes wrongly, in words, or nothing."""
    try:
        declare(lib)
        for name, test in TESTS.items():
            if not test(lib):
                return f"its {name} differ from what NumPy gives"
    except AttributeError as error:
        return f"the library lacks a function: {error}"
    return ""


def start_states_agree(lib: ctypes.CDLL) -> bool:
    """CartPole's start states against NumPy's generator, seeded and going on."""
    kind = next(iter(KINDS.values()))
    environments = CompiledEnvironments(lib, kind, 1)
    obs = np.zeros((1, kind.obs_size), np.float32)
    for seed in (0, 2**32 - 1, 2**63 - 1):
        generator = np.random.default_rng(seed)
        for seeds in ([seed], None):
            environments.reset([0], seeds, obs)
            if not np.array_equal(environments.state[0], generator.uniform(-0.05, 0.05, 4)):
                return False
    return True


def episode_seeds_agree(lib: ctypes.CDLL) -> bool:
    """The seeds of episodes against NumPy's SeedSequence."""
    envs, episodes = np.array([0, 3, 1]), np.array([0, 7, 2**33])
    for seed in (0, 5, 2**70 + 1):
        found = episode_seeds(lib, seed, Stream.EPISODE, envs, episodes).tolist()
        wanted = [
            episode_seed(seed, Stream.EPISODE, env, episode)
            for env, episode in zip(envs.tolist(), episodes.tolist(), strict=True)
        ]
        if found != wanted:
            return False
    return True


def streams_agree(lib: ctypes.CDLL) -> bool:
    """The generators of runs, and the orders of a rollout, against NumPy's."""
    seeds, size = [0, 2**70 + 1], 37
    order = np.broadcast_to(np.arange(size), (2, size))
    drawn = [own.random() for own in generators(lib, seeds, Stream.ACTION, 3)]
    if drawn != [generator(seed, Stream.ACTION, 3).random() for seed in seeds]:
        return False
    found = permutations(lib, seeds, Stream.SHUFFLE, 2**32, 2, size)
    wanted = [generator(seed, Stream.SHUFFLE, 2**32).permuted(order, axis=1) for seed in seeds]
    return bool(np.array_equal(found, wanted))


TESTS: dict[str, Callable[[ctypes.CDLL], bool]] = {
    "outputs of networks": self_test_networks.outputs_agree,
    "gradients": self_test_networks.gradients_agree,
    "log-probabilities": self_test_networks.log_probabilities_agree,
    "updates": self_test_networks.updates_agree,
    "start states": start_states_agree,
    "seeds of episodes": episode_seeds_agree,
    "random streams": streams_agree,
    "rollouts": self_test_playing.rollouts_agree,
}
