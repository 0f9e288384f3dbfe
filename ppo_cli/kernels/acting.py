"""Acting: what the members' policies do on the observations of one step: ``c/act.c``."""

from __future__ import annotations

import ctypes
from ctypes import byref

import numpy as np

from ppo_cli.kernels.arrays import Rows, address
from ppo_cli.kernels.structs import DISTRIBUTIONS, Network


class Actors:
    """The policies of a population, ready to act with parameters that stay as they are.

    Args:
        lib: See :func:`~ppo_cli.kernels.signatures.declare`.
        network: The shape of the members' networks.
        params: ``[M, P]``; they are copied.
        num_envs: Observations of a member in one step: N.

    Attributes:
        network: See above.
        places: Where the members' actors lie.
    """

    def __init__(self, lib: ctypes.CDLL, network: Network, params: np.ndarray, num_envs: int) -> None:
        self._lib, self.network, self._num_envs = lib, network, num_envs
        self._network = byref(network)
        self._memory = np.empty((len(params), lib.actor_memory(self._network, num_envs)), np.uint8)
        self.places, rows = Rows(self._memory, np.uint8), Rows(params)
        lib.prepare_actors(
            self._network, len(params), rows.at(0), rows.stride, num_envs, self.places.at(0),
            self.places.stride,
        )  # fmt: skip
        discrete = DISTRIBUTIONS[network.distribution] == "categorical"
        self._shape = (len(params), num_envs) if discrete else (len(params), num_envs, network.num_actions)
        self._dtype = np.dtype(np.int64 if discrete else np.float32)

    def act(
        self,
        obs: np.ndarray,  # [M, N, O]
        noise: np.ndarray | None,  # [M, N, ...] as the distribution draws it; None for the most likely
    ) -> np.ndarray:  # [M, N] int64 or [M, N, A]
        """The members' actions."""
        actions = np.empty(self._shape, self._dtype)
        seen, drawn, places = Rows(obs), Rows(noise), self.places
        self._lib.act(
            self._network, len(actions), self._num_envs, seen.at(0), seen.stride, drawn.at(0), drawn.stride,
            address(actions), places.at(0), places.stride,
        )  # fmt: skip
        return actions


def bend(lib: ctypes.CDLL, sampled: np.ndarray) -> np.ndarray:  # [...] float32 -> [...]
    """Sampled numbers as fractions of the way between the bounds, (tanh + 1) / 2."""
    given = np.ascontiguousarray(sampled, np.float32)
    fractions = np.empty_like(given)
    lib.bend(given.size, given.ctypes.data, fractions.ctypes.data)
    return fractions
