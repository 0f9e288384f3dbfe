"""Playing: many steps of the members' environments with their policies, in one go: ``c/play.c``."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import byref
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ppo_cli.kernels.acting import Actors
from ppo_cli.kernels.arrays import Rows, for_ranges, pair, scratch
from ppo_cli.kernels.environments import EnvironmentStruct
from ppo_cli.kernels.streams import run_seeds

ENDLESSLY, WHOLE_EPISODES, ONE_EPISODE = range(3)
"""Which episodes begin: all, those of which the longest would fit, or none after the one that is on."""
AS_IT_IS, BENT, SCALED = range(3)
"""How a sampled number becomes an action: as it is, by tanh into the bounds, or scaled to them."""


@dataclass(frozen=True)
class Game:
    """What is played.

    Attributes:
        environment: Which, with its time limit.
        num_steps: T.
        episodes: ``ENDLESSLY``, ``WHOLE_EPISODES`` or ``ONE_EPISODE``.
        group_size: Environments side by side that start alike.
        seeds: The runs', length M.
        stream: What the episodes are for.
        sending: ``AS_IT_IS``, ``BENT`` or ``SCALED``.
        low: Lower bound of an action that is a number.
        high: Its upper bound.
    """

    environment: EnvironmentStruct
    num_steps: int
    episodes: int
    group_size: int
    seeds: Sequence[int]
    stream: int
    sending: int = AS_IT_IS
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class Places:
    """Where the environments stand, changed in place.

    Attributes:
        state: float64 ``[M, N, 4]``.
        obs: float32 ``[M, N, O]``.
        episodes: Which episode, int64 ``[M, N]``.
        lengths: Steps since its reset, int64 ``[M, N]``.
        returns: Rewards since its reset, float64 ``[M, N]``.
        pending: Where the last step ended it, bool ``[M, N]``.
    """

    state: np.ndarray
    obs: np.ndarray
    episodes: np.ndarray
    lengths: np.ndarray
    returns: np.ndarray
    pending: np.ndarray


@dataclass(frozen=True)
class Steps:
    """What was played.

    Attributes:
        raw_obs: float32 ``[M, T + 1, N, O]``.
        obs: What the policy saw; the same array where nothing is normalised.
        actions: As sampled, int64 ``[M, T, N]`` or float32 ``[M, T, N, A]``.
        sent: As the environments got them.
        rewards: float32 ``[M, T, N]``.
        exact_rewards: The same before they were rounded, float64; None where nobody asks.
        terminated: bool ``[M, T, N]``.
        truncated: bool ``[M, T, N]``.
        mask: Real transitions, bool ``[M, T, N]``.
        idle: Where an environment waited, bool ``[M, T, N]``.
    """

    raw_obs: np.ndarray
    obs: np.ndarray
    actions: np.ndarray
    sent: np.ndarray
    rewards: np.ndarray
    exact_rewards: np.ndarray | None
    terminated: np.ndarray
    truncated: np.ndarray
    mask: np.ndarray
    idle: np.ndarray

    @classmethod
    def room(
        cls, places: Places, num_steps: int, actions: np.dtype, *, normalized: bool, exact: bool = False
    ) -> Steps:
        """Memory for T steps of environments whose actions are int64, or numbers of float32."""
        num_members, num_envs, obs_size = places.obs.shape
        shape = (num_members, num_steps, num_envs)
        raw_obs = np.empty((num_members, num_steps + 1, num_envs, obs_size), np.float32)
        action_shape = shape if actions == np.int64 else (*shape, 1)
        return cls(
            raw_obs,
            np.empty_like(raw_obs) if normalized else raw_obs,
            np.empty(action_shape, actions),
            np.empty(action_shape, actions),
            np.empty(shape, np.float32),
            np.empty(shape) if exact else None,
            np.empty(shape, np.bool_),
            np.empty(shape, np.bool_),
            np.empty(shape, np.bool_),
            np.empty(shape, np.bool_),
        )


@dataclass(frozen=True)
class EndedEpisodes:
    """Episodes of a member that ended, in the order of step and environment, ``[E]`` each.

    Attributes:
        step: In which step, int64.
        env: Of which environment, int64.
        episode: Which of its episodes, int64.
        length: Steps, int64.
        episode_return: Sum of rewards, float64.
        terminated: By an end, not by the time limit, bool.
    """

    step: np.ndarray
    env: np.ndarray
    episode: np.ndarray
    length: np.ndarray
    episode_return: np.ndarray
    terminated: np.ndarray

    @classmethod
    def room(cls, num_members: int, size: int) -> EndedEpisodes:
        """Memory for so many of each member, ``[M, size]``."""
        step, env, episode, length = np.empty((4, num_members, size), np.int64)
        shape = (num_members, size)
        return cls(step, env, episode, length, np.empty(shape), np.empty(shape, np.bool_))

    def of(self, member: int, size: int) -> EndedEpisodes:
        """The first of a member's."""
        return EndedEpisodes(*(getattr(self, field.name)[member, :size] for field in fields(self)))


@dataclass(frozen=True)
class Normalization:
    """How observations become inputs: (obs - mean) inverse_std, within +-clip.

    Attributes:
        mean: float32 ``[M, O]``.
        inverse_std: float32 ``[M, O]``.
        clip: float32 ``[M]``.
    """

    mean: np.ndarray
    inverse_std: np.ndarray
    clip: np.ndarray


@dataclass(frozen=True)
class Player:
    """The members' policies, ready to play.

    Attributes:
        kernels: See :func:`~ppo_cli.kernels.signatures.declare`.
        actors: The policies.
        normalization: How observations become inputs; None for as they are.
        sending: ``AS_IT_IS``, ``BENT`` or ``SCALED``.
        num_threads: Members at work at once.
    """

    kernels: ctypes.CDLL
    actors: Actors
    normalization: Normalization | None
    sending: int = AS_IT_IS
    num_threads: int = 1


def play(
    player: Player,
    game: Game,
    places: Places,
    noise: np.ndarray | None,  # [M, T, N, ...] as the distribution draws it; None for the most likely
    steps: Steps | None,
) -> list[EndedEpisodes]:
    """Play T steps with every member's policy.

    Args:
        player: The policies.
        game: What is played.
        places: Where the environments stand.
        noise: See above.
        steps: Where the steps go; None when nobody wants them.

    Returns:
        The episodes of each member that ended.
    """
    num_members, num_envs, _ = places.obs.shape
    lib, network, actors = player.kernels, player.actors.network, player.actors.places
    ended = EndedEpisodes.room(num_members, game.num_steps * num_envs)
    counts, normalization = np.zeros(num_members, np.int64), player.normalization
    playing, seeds = _game(game, num_envs), run_seeds(tuple(game.seeds)).pair
    normalizers, where, kept = (
        _pair(*of) for of in ((_Normalizer, normalization), (_Places, places), (_Steps, steps))
    )
    slots, drawn = _pair(_Ended, ended, count=counts), Rows(noise)
    needed = lib.play_scratch(byref(network), num_envs)

    def work(first: int, count: int) -> None:
        lib.play(
            byref(network), first, count, byref(playing), seeds, normalizers, drawn.at(0), drawn.stride,
            where, kept, slots, actors.at(0), actors.stride, scratch(needed),
        )  # fmt: skip

    for_ranges(num_members, work, player.num_threads)
    return [ended.of(member, size) for member, size in enumerate(counts.tolist())]


def _game(game: Game, num_envs: int) -> _Game:
    return _Game(
        game.environment, game.num_steps, num_envs, game.episodes, game.group_size, game.stream, game.sending,
        game.low, game.high,
    )  # fmt: skip


def _pair(
    kind: type[ctypes.Structure],
    arrays: Normalization | Places | Steps | EndedEpisodes | None,
    **more: np.ndarray,
) -> ctypes.Array[Any]:
    """Where the arrays of a dataclass lie; nowhere without it."""
    values = more if arrays is None else {**vars(arrays), **more}
    return pair(kind, values, {name: array.dtype for name, array in values.items() if array is not None})


class _Game(ctypes.Structure):
    """``Game`` in ``c/play.c``; so for those that follow."""

    _fields_ = (
        ("environment", EnvironmentStruct),
        ("num_steps", ctypes.c_int64),
        ("num_envs", ctypes.c_int64),
        ("episodes", ctypes.c_int64),
        ("group_size", ctypes.c_int64),
        ("stream", ctypes.c_uint64),
        ("sending", ctypes.c_int64),
        ("low", ctypes.c_float),
        ("high", ctypes.c_float),
    )


class _Normalizer(ctypes.Structure):
    _fields_ = (("mean", ctypes.c_void_p), ("inverse_std", ctypes.c_void_p), ("clip", ctypes.c_void_p))


class _Places(ctypes.Structure):
    _fields_ = tuple((field.name, ctypes.c_void_p) for field in fields(Places))


class _Steps(ctypes.Structure):
    _fields_ = tuple((field.name, ctypes.c_void_p) for field in fields(Steps))


class _Ended(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_void_p),
        *((field.name, ctypes.c_void_p) for field in fields(EndedEpisodes)),
    )
