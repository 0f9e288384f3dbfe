"""Playing episodes from given seeds, and playing recorded ones again, many side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ppo_cli.envs.choice import make_backend
from ppo_cli.errors import CorruptFileError
from ppo_cli.nn.distributions import sendable
from ppo_cli.play.policy import Policy
from ppo_cli.preferences.records import End, Episode
from ppo_cli.preferences.sources import Source
from ppo_cli.rng import Stream, generator
from ppo_cli.spaces import EnvSpec

Array = NDArray[Any]
ROWS = 64
_NOISE_BLOCK = 64


@dataclass
class Played:
    """An episode as it was seen.

    Attributes:
        seed: Reset seed.
        obs: Float32 ``[T + 1, O]``.
        actions: As the environment got them, ``[T]`` or ``[T, A]``.
        rewards: The environment's own, float64 ``[T]``.
        ended: How it ended.
    """

    seed: int
    obs: Array
    actions: Array
    rewards: Array
    ended: End

    @property
    def length(self) -> int:
        """Number of steps."""
        return len(self.rewards)

    @property
    def obs_sha256(self) -> str:
        """Of the observations' bytes."""
        return hashlib.sha256(np.ascontiguousarray(self.obs, "<f4").tobytes()).hexdigest()


@dataclass
class Wanted:
    """An episode to be played.

    Attributes:
        seed: Reset seed.
        prefix: Actions with which it begins, ``[K]`` or ``[K, A]``.
        source: Who plays after these, by number.
        noise: Address of the policy's noise.
        steps: Where to stop, if the episode has not ended before.
    """

    seed: int
    prefix: Array
    source: int
    noise: tuple[int, ...]
    steps: int


@dataclass
class _Trace:
    obs: list[Array] = field(default_factory=list)
    actions: list[Array] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    ended: End = "running"


def play(
    wanted: Sequence[Wanted],
    sources: Sequence[Source],
    spec: EnvSpec,
    env_kwargs: Mapping[str, Any],
    seed: int,
) -> list[Played]:
    """Play episodes side by side; equal arguments give equal bits.

    Args:
        wanted: What to play.
        sources: Who plays.
        spec: The environment.
        env_kwargs: Its arguments.
        seed: The set's seed, for the policies' noise.
    """
    torch.set_num_threads(1)  # at each step a few rows: threads would cost ten times what they save
    deciders = [_decider(sources[one.source], spec, seed, one.noise) for one in wanted]
    by_source: dict[int, list[int]] = {}
    for row, one in enumerate(wanted):
        by_source.setdefault(one.source, []).append(row)
    players = {number: _sampler(sources[number].policy) for number in by_source}
    prefixes = [(row, one.prefix) for row, one in enumerate(wanted) if len(one.prefix)]

    def act(t: int, obs: Array, active: Array) -> Array:
        actions = _blank(len(wanted), spec)
        for number, rows in by_source.items():  # all rows, so that a batch has one size whoever has ended
            if active[rows].any():
                noise = np.stack([deciders[row](t) for row in rows])
                actions[rows] = players[number](obs[rows], noise)
        for row, prefix in prefixes:
            if t < len(prefix):
                actions[row] = prefix[t]
        return actions

    return _run([one.seed for one in wanted], [one.steps for one in wanted], act, spec, env_kwargs)


def replay(episodes: Sequence[Episode], spec: EnvSpec, env_kwargs: Mapping[str, Any]) -> list[Played]:
    """Play recorded episodes again, and check that they are what they were.

    Raises:
        CorruptFileError: One is not: its actions are not of this environment, it ends earlier, or something
            else was to be seen. It is named.
    """
    played: list[Played] = []
    wrong: list[str] = []
    for start in range(0, len(episodes), ROWS):
        part = episodes[start : start + ROWS]
        actions = [_decoded(one, spec) for one in part]

        def act(t: int, obs: Array, active: Array, actions: list[Array] = actions) -> Array:
            sent = _blank(len(actions), spec)
            for row, own in enumerate(actions):
                if t < len(own):
                    sent[row] = own[t]
            return sent

        seen = _run([one.seed for one in part], [one.length for one in part], act, spec, env_kwargs)
        wrong += [
            one.episode
            for one, again in zip(part, seen, strict=True)
            if again.length != one.length or again.obs_sha256 != one.obs_sha256
        ]
        played += seen
    if wrong:
        names = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise CorruptFileError(
            f"played again, {len(wrong)} of {len(episodes)} episodes show something else than when they were "
            f"judged: {names}",
            hint="another platform or version computes the environment otherwise, or env_kwargs or the file "
            "were changed; use the set where it was made",
        )
    return played


def _decoded(episode: Episode, spec: EnvSpec) -> Array:
    try:
        return episode.decoded(spec.action)
    except ValueError as error:
        raise CorruptFileError(
            str(error), hint="the file was changed, or belongs to another environment"
        ) from None


def _run(
    seeds: Sequence[int],
    steps: Sequence[int],
    act: Callable[[int, Array, Array], Array],
    spec: EnvSpec,
    env_kwargs: Mapping[str, Any],
) -> list[Played]:
    """Step R environments until each has ended or has taken its number of steps."""
    backend = make_backend(spec.env_id, env_kwargs, len(seeds), compiled=True)
    try:
        obs = np.zeros((len(seeds), spec.obs_size), dtype=np.float32)
        backend.reset(range(len(seeds)), seeds, obs)
        traces = [_Trace([obs[row].copy()]) for row in range(len(seeds))]
        active, limit, t = np.ones(len(seeds), dtype=np.bool_), np.array(steps), 0
        while (active := active & (t < limit)).any():
            actions = act(t, obs, active)
            rewards, terminated, truncated = backend.step(actions.astype(backend.action_dtype), active, obs)
            if backend.step_limit is not None:
                truncated = truncated | (active & (t + 1 >= backend.step_limit))
            for row in active.nonzero()[0].tolist():
                trace = traces[row]
                trace.obs.append(obs[row].copy())
                trace.actions.append(actions[row].copy())
                trace.rewards.append(float(rewards[row]))
                if terminated[row] or truncated[row]:
                    trace.ended = "terminated" if terminated[row] else "truncated"
            active = active & ~terminated & ~truncated
            t += 1
    finally:
        backend.close()
    return [
        Played(seed, np.stack(one.obs), np.stack(one.actions), np.array(one.rewards), one.ended)
        for seed, one in zip(seeds, traces, strict=True)
    ]


def _blank(rows: int, spec: EnvSpec) -> Array:
    if spec.action.kind == "discrete":
        return np.zeros(rows, dtype=np.int64)
    return np.zeros((rows, spec.action.size), dtype=np.float32)


def _decider(source: Source, spec: EnvSpec, seed: int, address: tuple[int, ...]) -> Callable[[int], Array]:
    """A row's noise at each step, drawn in blocks from its own stream."""
    blocks: dict[int, Array] = {}

    def noise(t: int) -> Array:
        index = t // _NOISE_BLOCK
        if index not in blocks:
            blocks.clear()
            rng = generator(seed, Stream.CLIP, *address, index)
            blocks[index] = source.policy.distribution.noise(rng, (_NOISE_BLOCK, 1, spec.action.size))[:, 0]
        row: Array = blocks[index][t % _NOISE_BLOCK]
        return row

    return noise


def _sampler(policy: Policy) -> Callable[[Array, Array], Array]:
    """From observations and noise to actions as the environment gets them, inside its bounds."""
    act, normalizer, distribution = policy.net.actor(policy.params), policy.normalizer, policy.distribution
    action = policy.shape.spec.action
    low, high = (np.array(bound, np.float32) for bound in (action.low, action.high))

    def sample(obs: Array, noise: Array) -> Array:
        output = act(normalizer(torch.from_numpy(obs)[None]))
        sampled = distribution.sample(output, torch.from_numpy(noise)[None])
        actions: Array = sendable(distribution.send(sampled))[0].numpy().copy()
        return np.clip(actions, low, high) if action.kind == "box" else actions

    return sample
