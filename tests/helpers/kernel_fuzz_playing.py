"""Calls of the kernel that plays, with shapes, states and policies that nobody would choose."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from helpers.kernel_fuzz_networks import BETA_NOISE, strange_network, strange_numbers
from ppo_cli.kernels import structs
from ppo_cli.kernels.acting import Actors
from ppo_cli.kernels.environments import KINDS, STATE_SIZE, EnvironmentStruct, Kind
from ppo_cli.kernels.playing import AS_IT_IS, BENT, SCALED, Game, Normalization, Places, Player, Steps, play


def fuzz_playing(lib: ctypes.CDLL, choices: np.random.Generator) -> None:
    """No steps, one environment, groups, episodes without a limit, states and policies that are none."""
    kind = list(KINDS.values())[choices.integers(len(KINDS))]
    distributions = ("categorical",) if kind.num_actions else ("gaussian", "beta")
    network = strange_network(choices, kind.obs_size, kind.num_actions or 1, distributions)
    members, group_size = int(choices.integers(0, 3)), int(choices.integers(1, 4))
    num_envs, num_steps = group_size * int(choices.integers(1, 5)), int(choices.integers(0, 30))
    actors = Actors(lib, network, strange_numbers(choices, (members, network.num_params)), num_envs)
    normalization = _normalization(members, kind, choices) if choices.integers(2) else None
    player = Player(lib, actors, normalization, _sending(network, choices), int(choices.integers(1, 3)))
    environment = EnvironmentStruct(
        kind.number,
        kind.obs_size,
        int(choices.integers(0, 12)),
        float(strange_numbers(choices, (), np.float64)),
    )
    game = Game(
        environment, num_steps, int(choices.integers(3)), group_size,
        [int.from_bytes(choices.bytes(int(choices.integers(0, 33))), "little") for _ in range(members)],
        int(choices.integers(0, 8)), player.sending, -2.0, 2.0,
    )  # fmt: skip
    places = _places(members, num_envs, kind, choices)
    for _ in range(2):
        kept = None
        if choices.integers(2):
            actions = np.dtype(np.int64 if kind.num_actions else np.float32)
            kept = Steps.room(places, num_steps, actions, normalized=normalization is not None)
        noise = _noise(network, (members, num_steps, num_envs), choices) if choices.integers(2) else None
        play(player, game, places, noise, kept)


def _sending(network: structs.Network, choices: np.random.Generator) -> int:
    distribution = structs.DISTRIBUTIONS[network.distribution]
    return SCALED if distribution == "beta" else int(choices.choice([AS_IT_IS, BENT]))


def _normalization(members: int, kind: Kind, choices: np.random.Generator) -> Normalization:
    mean, inverse_std = (strange_numbers(choices, (members, kind.obs_size)) for _ in range(2))
    return Normalization(mean, inverse_std, np.abs(strange_numbers(choices, (members,))))


def _places(members: int, num_envs: int, kind: Kind, choices: np.random.Generator) -> Places:
    """Environments anywhere, also in states that no step leads to, and some at an end."""
    shape = (members, num_envs)
    return Places(
        state=strange_numbers(choices, (*shape, STATE_SIZE), np.float64),
        obs=strange_numbers(choices, (*shape, kind.obs_size)),
        episodes=choices.integers(0, 2**40, size=shape),
        lengths=choices.integers(0, 20, size=shape),
        returns=strange_numbers(choices, shape, np.float64),
        pending=choices.random(shape) < choices.choice([0.0, 0.5, 1.0]),
    )


def _noise(network: structs.Network, shape: tuple[int, int, int], choices: np.random.Generator) -> Any:
    beta = structs.DISTRIBUTIONS[network.distribution] == "beta"
    return strange_numbers(choices, (*shape, network.num_actions, *((BETA_NOISE,) if beta else ())))


FUZZERS: dict[Any, set[str]] = {fuzz_playing: {"play", "play_scratch"}}
"""Each with the entry points that it covers."""
