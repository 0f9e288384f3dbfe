"""A film of one policy in one call."""

from __future__ import annotations

from dataclasses import dataclass

from ppo_cli.film.gif import encode_gif
from ppo_cli.film.shots import OnProgress, silent
from ppo_cli.render.camera import Shooting
from ppo_cli.render.playing import Episode
from ppo_cli.render.scene import Panel, Scene
from ppo_cli.render.script import Script, side_by_side


@dataclass(frozen=True)
class Movie:
    """A finished film.

    Attributes:
        gif: The file's bytes.
        frames: Number of frames in it.
        seconds: How long it plays.
        episodes: What it shows, in order.
    """

    gif: bytes
    frames: int
    seconds: float
    episodes: tuple[Episode, ...]


def render(scene: Scene, script: Script, on_progress: OnProgress = silent) -> Movie:
    """Play episodes and film them. The same scene and script give the same bytes.

    Args:
        scene: Who plays what.
        script: Which episodes, and how they are shown.
        on_progress: Called as the work goes on.

    Raises:
        UsageError: The environment cannot be made or rendered, or failed.
    """
    shooting = Shooting(side_by_side([Panel(scene)], script, on_progress), script, on_progress)
    encoded = encode_gif(shooting, on_progress)
    episodes = tuple(shown.episode for shown in shooting.shown)
    return Movie(encoded.data, encoded.frames, encoded.seconds, episodes)
