"""The observations that a policy sees when it plays, to measure on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ppo_cli.export.arrays import Array
from ppo_cli.film.shots import OnProgress
from ppo_cli.render.playing import play
from ppo_cli.render.scene import Scene
from ppo_cli.render.script import start_seeds


def observations(scenes: Sequence[Scene], episodes: int, on_progress: OnProgress) -> Array:
    """The observations that were acted on in some episodes, ``[K, O]``.

    Args:
        scenes: Who plays what; they take turns.
        episodes: How many episodes in all.
        on_progress: Called as the work goes on.

    Raises:
        UsageError: The environment failed.
    """
    seen: list[Array] = []
    for index, seed in enumerate(start_seeds(0, episodes)):
        on_progress("playing episodes", index, episodes)
        play(_watched(scenes[index % len(scenes)], seen.append), seed)
    return np.stack(seen)


def _watched(scene: Scene, tell: Callable[[Array], None]) -> Scene:
    """The same scene, whose agents tell what they see."""

    def make_agent(space: Any, seed: int) -> Callable[[Array], Any]:
        agent = scene.make_agent(space, seed)

        def act(obs: Array) -> Any:
            tell(np.array(obs, np.float32))
            return agent(obs)

        return act

    return replace(scene, make_agent=make_agent)
