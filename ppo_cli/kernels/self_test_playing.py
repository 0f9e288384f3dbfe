"""The part of the self-test that is about playing: a rollout in one go against the same, step by step."""

from __future__ import annotations

import ctypes
from itertools import pairwise

import numpy as np

from ppo_cli.kernels import structs
from ppo_cli.kernels.acting import Actors
from ppo_cli.kernels.environments import KINDS, CompiledEnvironments, EnvironmentStruct, Kind
from ppo_cli.kernels.playing import ENDLESSLY, Game, Places, Player, Steps, play
from ppo_cli.rng import Stream, episode_seed

_SEED, _NUM_ENVS, _NUM_STEPS, _STEP_LIMIT = 2**40 + 3, 3, 11, 4
_LOW, _HIGH = -2.0, 2.0
_HIDDEN = (19, 6)
_PENDULUM = 1


def rollouts_agree(lib: ctypes.CDLL) -> bool:
    """Pendulum with a Gaussian policy, over ends of episodes: every observation, reward and flag."""
    kind = next(kind for kind in KINDS.values() if kind.number == _PENDULUM)
    choices = np.random.default_rng(4)
    actors = _actors(lib, kind, choices)
    noise = choices.normal(size=(1, _NUM_STEPS, _NUM_ENVS, 1)).astype(np.float32)
    environments = CompiledEnvironments(lib, kind, _NUM_ENVS)
    obs = np.zeros((_NUM_ENVS, kind.obs_size), np.float32)
    episodes, lengths = np.zeros(_NUM_ENVS, np.int64), np.zeros(_NUM_ENVS, np.int64)
    pending = np.zeros(_NUM_ENVS, np.bool_)
    _reset(environments, range(_NUM_ENVS), episodes, obs)
    places = Places(
        environments.state[None].copy(), obs[None].copy(), episodes[None].copy(), lengths[None].copy(),
        np.zeros((1, _NUM_ENVS)), pending[None].copy(),
    )  # fmt: skip
    steps = Steps.room(places, _NUM_STEPS, np.dtype(np.float32), normalized=False)
    environment = EnvironmentStruct(kind.number, kind.obs_size, _STEP_LIMIT, kind.default)
    game = Game(environment, _NUM_STEPS, ENDLESSLY, 1, [_SEED], int(Stream.EPISODE), low=_LOW, high=_HIGH)
    (ended,) = play(Player(lib, actors, None), game, places, noise, steps)
    total = 0
    for t in range(_NUM_STEPS):
        actions = actors.act(obs[None], np.ascontiguousarray(noise[:, t]))[0]
        same = np.array_equal(steps.raw_obs[0, t], obs) and np.array_equal(steps.actions[0, t], actions)
        mask = ~pending
        rewards, _, _ = environments.step(np.clip(actions, _LOW, _HIGH), mask, obs)
        lengths = np.where(pending, 0, lengths + 1)
        episodes += pending
        _reset(environments, np.flatnonzero(pending).tolist(), episodes, obs)
        pending = mask & (lengths >= _STEP_LIMIT)
        total += int(np.count_nonzero(pending))
        same &= np.array_equal(steps.rewards[0, t], rewards.astype(np.float32))
        same &= np.array_equal(steps.mask[0, t], mask) and np.array_equal(steps.truncated[0, t], pending)
        if not same:
            return False
    return bool(np.array_equal(places.obs[0], obs) and len(ended.step) == total > 0)


def _actors(lib: ctypes.CDLL, kind: Kind, choices: np.random.Generator) -> Actors:
    sizes = (kind.obs_size, *_HIDDEN, 2)
    row_params = sum((before + 1) * after for before, after in pairwise(sizes)) + 1
    network = structs.network(
        obs_size=kind.obs_size, num_actions=1, num_outputs=1, hidden_sizes=_HIDDEN, head_width=2,
        row_params=row_params, distribution="gaussian", activation="tanh", critic=False,
    )  # fmt: skip
    params = choices.normal(scale=0.5, size=(1, network.num_params)).astype(np.float32)
    return Actors(lib, network, params, _NUM_ENVS)


def _reset(
    environments: CompiledEnvironments, rows: range | list[int], episodes: np.ndarray, obs: np.ndarray
) -> None:
    """Start the episodes whose numbers are in ``episodes``, as a run with the seed would."""
    seeds = [episode_seed(_SEED, Stream.EPISODE, row, int(episodes[row])) for row in rows]
    environments.reset(list(rows), seeds, obs)
