"""The script of a film: which episodes it shows, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ppo_cli.film.shots import OnProgress, silent
from ppo_cli.render.hud import Overlay
from ppo_cli.render.playing import Episode, play
from ppo_cli.render.scene import Panel
from ppo_cli.rng import Stream, episode_seed

Pick = Literal["best", "median", "worst"]


@dataclass(frozen=True)
class Script:
    """The episodes that are shown, and how.

    Attributes:
        episodes: How many are shown, one after the other.
        seed: Seed of the start states: those of ``ppo eval`` with the same seed, in the same order.
        pick: Choose by return, of several policies by its mean; None takes the first ones as played.
        of: How many are played to pick from; ignored without ``pick``.
        fps: Frames per second, about: every n-th of the environment's frames is shown.
        width: Width of the film in pixels, at most the environment's; None for that.
        overlay: What is written on the pictures.
    """

    episodes: int = 1
    seed: int = 0
    pick: Pick | None = None
    of: int = 20
    fps: int = 25
    width: int | None = None
    overlay: Overlay = "simple"


@dataclass(frozen=True)
class Act:
    """A part of a film: scenes that begin together, side by side, from the same start state.

    Attributes:
        panels: The scenes.
        seed: What their environments are reset with.
        length: Steps until the last of them ends.
    """

    panels: tuple[Panel, ...]
    seed: int
    length: int


def side_by_side(panels: Sequence[Panel], script: Script, on_progress: OnProgress = silent) -> list[Act]:
    """A film in which all panels play each episode together; one panel is a film of one policy.

    Raises:
        UsageError: The environment failed.
    """
    num_played = script.episodes if script.pick is None else script.of
    acts, returns = list[Act](), list[float]()
    for index, seed in enumerate(start_seeds(script.seed, num_played)):
        on_progress("playing episodes", index, num_played)
        played = [play(panel.scene, seed) for panel in panels]
        acts.append(_act(panels, played))
        returns.append(sum(episode.episode_return for episode in played) / len(played))
    return [acts[index] for index in choose(returns, script.pick, script.episodes)]


def one_after_the_other(
    panels: Sequence[Panel], script: Script, on_progress: OnProgress = silent
) -> list[Act]:
    """A film in which each panel plays the same episode, alone.

    Raises:
        UsageError: The environment failed.
    """
    (seed,) = start_seeds(script.seed, 1)
    acts = []
    for index, panel in enumerate(panels):
        on_progress("playing episodes", index, len(panels))
        acts.append(_act([panel], [play(panel.scene, seed)]))
    return acts


def choose(returns: Sequence[float], pick: Pick | None, count: int) -> list[int]:
    """Choose the episodes to show, and their order.

    Args:
        returns: Of all played episodes.
        pick: The best ones (best first), the worst ones (worst first) or those in the middle; None for the
            first ones as played.
        count: How many.

    >>> returns = [10.0, 30.0, 20.0, 0.0, 40.0]
    >>> [choose(returns, pick, 1) for pick in ("best", "median", "worst")], choose(returns, "best", 2)
    ([[4], [2], [3]], [4, 1])
    """
    ascending = sorted(range(len(returns)), key=lambda index: returns[index])
    if pick is None:
        return list(range(count))
    if pick == "best":
        return ascending[::-1][:count]
    first = 0 if pick == "worst" else (len(ascending) - count) // 2
    return ascending[first : first + count]


def start_seeds(seed: int, count: int) -> list[int]:
    """The reset seeds of the episodes that ``ppo eval`` plays with ``seed``."""
    own = episode_seed(seed, Stream.USER_EVAL, 0, 0)
    return [episode_seed(own, Stream.USER_EVAL, index, 0) for index in range(count)]


def _act(panels: Sequence[Panel], played: Sequence[Episode]) -> Act:
    return Act(tuple(panels), played[0].seed, max(episode.length for episode in played))
