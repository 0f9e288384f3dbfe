"""Which comparisons a member of an ensemble may not see: a share of the episodes, never of the pairs.

Pairs that share an episode, or whose episodes begin in one state, belong together. Where that ties too many
pairs together, episodes are dealt out one by one, and a pair of episodes from two shares is seen by neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ppo_cli.preferences.records import Comparison
from ppo_cli.rng import Stream, generator

NOWHERE = -1
LARGEST_GROUP = 0.1  # of all pairs


def shares_of_pairs(
    comparisons: Sequence[Comparison], num_shares: int, seed: int, starts: Mapping[str, int] | None = None
) -> NDArray[np.int64]:  # [N]
    """The share in which each pair is held out, from 0; NOWHERE for one that lies between two.

    Args:
        comparisons: N pairs.
        num_shares: How many shares.
        seed: Of the fit.
        starts: Reset seed of each episode: those that begin alike are one.
    """
    names = [tuple(_start(clip.episode, starts) for clip in (one.a, one.b)) for one in comparisons]
    groups = _groups(names)
    sizes = np.bincount(groups)
    if sizes.max(initial=0) <= max(LARGEST_GROUP * len(names), 2):
        return _dealt(groups, sizes, num_shares, seed)
    index = {
        name: number for number, name in enumerate(dict.fromkeys(name for pair in names for name in pair))
    }
    of_episode = _dealt(np.arange(len(index)), np.ones(len(index), dtype=np.int64), num_shares, seed)
    both = np.array([[of_episode[index[name]] for name in pair] for pair in names])
    shares: NDArray[np.int64] = np.where(both[:, 0] == both[:, 1], both[:, 0], NOWHERE)
    return shares


def _start(episode: str, starts: Mapping[str, int] | None) -> str:
    return episode if starts is None else str(starts[episode])


def _groups(names: Sequence[tuple[str, ...]]) -> NDArray[np.int64]:
    """The number of each pair's group: pairs that share a name, directly or through others, are one."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for a, b in names:
        parent[root(a)] = root(b)
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(root(a), len(numbers)) for a, _ in names], dtype=np.int64)


def _dealt(
    groups: NDArray[np.int64], sizes: NDArray[np.int64], num_shares: int, seed: int
) -> NDArray[np.int64]:
    """Groups dealt out in a random order, each to the share that has least."""
    filled = np.zeros(num_shares, dtype=np.int64)
    share = np.zeros(len(sizes), dtype=np.int64)
    for group in generator(seed, Stream.SPLIT).permutation(len(sizes)).tolist():
        share[group] = filled.argmin()
        filled[share[group]] += sizes[group]
    return share[groups]
