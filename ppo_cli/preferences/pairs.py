"""Which clips are compared: drawn from fresh episodes, so that few pairs share one.

Pair k is a function of the set's seed and k. Half of the pairs (``at_end``) are ends of episodes: elsewhere
most pairs of some environments tie. With ``same_start`` the second clip begins where the first one does: its
episode repeats the actions of the first up to there, and then goes on by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ppo_cli.config.preference_settings import PreferenceSettings
from ppo_cli.errors import UsageError
from ppo_cli.preferences.playing import Played, Wanted, play
from ppo_cli.preferences.sources import Source
from ppo_cli.rng import Stream, episode_seed, generator
from ppo_cli.spaces import EnvSpec

CHUNK = 32  # pairs that are played together; which these are does not depend on how many are asked for
_LENGTHS = {"CartPole": 25, "LunarLander": 100}
_USUAL_LENGTH = 50


@dataclass(frozen=True)
class Shown:
    """A clip as drawn.

    Attributes:
        played: Its episode.
        source: Who played it, by number.
        start: Its first step.
        stop: The step after its last.
    """

    played: Played
    source: int
    start: int
    stop: int


@dataclass(frozen=True)
class Pair:
    """Two clips, and which is to be on the left."""

    a: Shown
    b: Shown
    left_is_a: bool


def clip_length(asked: int | None, spec: EnvSpec) -> int:
    """Steps of a clip: as asked, or what suits the environment.

    Raises:
        UsageError: No episode is as long.
    """
    usual = next((n for env, n in _LENGTHS.items() if spec.env_id.startswith(env)), _USUAL_LENGTH)
    limit = spec.max_episode_steps
    length = asked or (usual if limit is None else min(usual, limit))
    if limit is not None and length > limit:
        raise UsageError(
            f"clips of {length} steps, and an episode of {spec.env_id} has at most {limit}",
            hint=f"length={limit} or less",
            key="length",
        )
    return length


def draw_pairs(
    chunk: int, sources: Sequence[Source], settings: PreferenceSettings, spec: EnvSpec, most_steps: int
) -> list[Pair]:
    """The pairs ``CHUNK * chunk`` to ``CHUNK * (chunk + 1)``.

    Args:
        chunk: Which of them.
        sources: Who plays.
        settings: Of the set.
        spec: Its environment.
        most_steps: Where an episode without a time limit is left.
    """
    numbers = range(CHUNK * chunk, CHUNK * (chunk + 1))
    rngs = [generator(settings.seed, Stream.PAIR, number) for number in numbers]
    who = [rng.integers(len(sources), size=2).tolist() for rng in rngs]
    empty = np.zeros((0, *(() if spec.action.kind == "discrete" else (spec.action.size,))))

    def wanted(number: int, side: int, source: int) -> Wanted:
        seed = episode_seed(settings.seed, Stream.CLIP, number, side)
        return Wanted(seed, empty, source, (number, side), spec.max_episode_steps or most_steps)

    firsts = play(
        [wanted(number, 0, own[0]) for number, own in zip(numbers, who, strict=True)],
        sources, spec, settings.env_kwargs, settings.seed,
    )  # fmt: skip
    a = [_window(one, own[0], rng, settings) for one, own, rng in zip(firsts, who, rngs, strict=True)]
    seconds = [wanted(number, 1, own[1]) for number, own in zip(numbers, who, strict=True)]
    if settings.same_start:
        for second, first in zip(seconds, a, strict=True):
            second.seed, second.prefix = first.played.seed, first.played.actions[: first.start]
            second.steps = min(second.steps, first.start + settings.length)
    others = play(seconds, sources, spec, settings.env_kwargs, settings.seed)
    pairs = []
    for one, first, own, rng in zip(others, a, who, rngs, strict=True):
        if settings.same_start:
            b = Shown(one, own[1], first.start, min(one.length, first.start + settings.length))
        else:
            b = _window(one, own[1], rng, settings)
        pairs.append(Pair(first, b, bool(rng.random() < 0.5)))
    return pairs


def _window(played: Played, source: int, rng: np.random.Generator, settings: PreferenceSettings) -> Shown:
    """A clip of an episode: its end, or anywhere in it. A shorter one only where the task ended it."""
    last = max(played.length - settings.length, 0)
    at_end, place = rng.random() < settings.at_end, rng.random()
    start = last if at_end else int(place * (last + 1))
    return Shown(played, source, start, min(start + settings.length, played.length))
