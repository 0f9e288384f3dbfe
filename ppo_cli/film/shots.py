"""Pictures and how long they stay. Times are in hundredths of a second, GIF's own unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
OnProgress = Callable[[str, int, int], None]  # what is being done, how much is done, of how much

# Browsers show frames of less than 2 hundredths for 10 of them.
SHORTEST_DELAY = 2


@dataclass(frozen=True)
class Shot:
    """A picture of a film.

    Attributes:
        frame: uint8 [H, W, 3], the same size throughout a film.
        delay: How long it stays, in hundredths of a second.
    """

    frame: Array
    delay: int


@dataclass(frozen=True)
class Encoded:
    """A finished film.

    Attributes:
        data: The file's bytes.
        frames: Number of pictures in it.
        seconds: How long it plays.
    """

    data: bytes
    frames: int
    seconds: float


def silent(what: str, done: int, of: int) -> None:
    """Tell nobody how far the work is."""


def frame_stride(env_fps: float, fps: int) -> int:
    """Choose of how many of the environment's frames one is shown.

    Every n-th frame, never an uneven choice, so that motion stays smooth: about ``fps`` frames per second,
    and never more than 50.

    >>> [frame_stride(env_fps, 25) for env_fps in (15, 30, 50, 60)]
    [1, 1, 2, 2]
    >>> [frame_stride(env_fps, 50) for env_fps in (15, 30, 50, 60)]
    [1, 1, 1, 2]
    """
    return max(1, round(env_fps / fps), math.ceil(env_fps * SHORTEST_DELAY / 100))


def timed(frames: Iterable[tuple[int, Array]], env_fps: float, pause: int = 0) -> Iterator[Shot]:
    """Give each shown frame the time until the next one, so that the film takes as long as the episode.

    Start times are rounded, not delays: the error does not grow. (Of an environment with more than 50 frames
    per second the last two are shown some hundredths longer, for browsers' sake.)

    Args:
        frames: The shown frames, each after its index among all frames of the episode, increasing from 0.
            The last one is the episode's last.
        env_fps: The environment's frames per second.
        pause: How much longer the last frame stays, in hundredths of a second.

    >>> import numpy as np
    >>> frames = [(index, np.zeros((1, 1, 3), np.uint8)) for index in range(5)]
    >>> [shot.delay for shot in timed(frames[::2], 50)]
    [4, 4, 2]
    >>> [shot.delay for shot in timed(frames[:3], 30, pause=50)]
    [3, 4, 53]
    """
    before: tuple[int, Array] | None = None
    for index, frame in frames:
        if before is not None:
            yield Shot(before[1], _span(before[0], index, env_fps))
        before = index, frame
    if before is not None:
        yield Shot(before[1], _span(before[0], before[0] + 1, env_fps) + pause)


def _span(first: int, after: int, env_fps: float) -> int:
    """Time from one frame's start to another's, at least the shortest delay."""
    start, end = (math.floor(100 * index / env_fps + 0.5) for index in (first, after))
    return max(SHORTEST_DELAY, end - start)
