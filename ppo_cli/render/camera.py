"""The camera: acts in, the pictures of a film out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ppo_cli.errors import UsageError
from ppo_cli.film.layout import arranged, panel_width, scaled
from ppo_cli.film.overlay import Paint, fitting, font_size, paint_for, with_lines
from ppo_cli.film.shots import Array, OnProgress, Shot, frame_stride, silent, timed
from ppo_cli.render.hud import lines_of
from ppo_cli.render.playing import Episode, Moment, draw, env_fps
from ppo_cli.render.scene import Panel
from ppo_cli.render.script import Act, Script

T = TypeVar("T")

END_PAUSE = 50  # hundredths of a second in which the end of an episode can be read


@dataclass(frozen=True)
class Shown:
    """An episode that a film shows.

    Attributes:
        panel: Who played it.
        episode: How it ended.
    """

    panel: Panel
    episode: Episode


class Shooting:
    """The pictures of a film, drawn as they are asked for; they can be asked for once.

    Attributes:
        shown: The episodes drawn so far, in the order of the acts and of their panels.
        frames_per_second: How many of the pictures make a second.

    Args:
        acts: What is played.
        script: How it is shown.
        on_progress: Called as the work goes on.

    Raises:
        UsageError: The environment cannot be made or rendered.
    """

    def __init__(self, acts: Sequence[Act], script: Script, on_progress: OnProgress = silent) -> None:
        self.shown: list[Shown] = []
        self._acts, self._script, self._on_progress = acts, script, on_progress
        self._env_fps = env_fps(acts[0].panels[0].scene)
        self._stride = frame_stride(self._env_fps, script.fps)
        self.frames_per_second = self._env_fps / self._stride
        self._shape: tuple[int, ...] = ()  # of the environment's pictures
        self._steps_before = 0

    def __iter__(self) -> Iterator[Shot]:
        """The film.

        Raises:
            UsageError: The environment cannot be rendered, or failed.
        """
        pause = 0 if self._script.overlay == "none" else END_PAUSE
        for act in self._acts:
            yield from timed(self._frames(act), self._env_fps, pause)
            self._steps_before += act.length

    def _frames(self, act: Act) -> Iterator[tuple[int, Array]]:
        """The shown pictures of an act, each after its step."""
        with_terms = self._script.overlay == "full"
        reels = [draw(panel.scene, act.seed, with_terms=with_terms) for panel in act.panels]
        painters = [_Painter(panel, self._script, len(act.panels)) for panel in act.panels]
        moments: list[Moment] = []
        for step, takes in enumerate(together(reels)):
            moments = [moment for _, moment in takes]
            for frame, _ in takes:
                self._check(frame, act)
            if step % self._stride == 0 or all(moment.ending for moment in moments):
                panels = (painter(*take) for painter, take in zip(painters, takes, strict=True))
                yield step, arranged(list(panels))
            self._on_progress("drawing frames", self._steps_before + step, self._num_steps)
        self.shown += [
            Shown(panel, moment.episode) for panel, moment in zip(act.panels, moments, strict=True)
        ]

    @property
    def _num_steps(self) -> int:
        return sum(act.length for act in self._acts)

    def _check(self, frame: Array, act: Act) -> None:
        self._shape = self._shape or frame.shape
        if frame.shape != self._shape:
            env_id, sizes = act.panels[0].scene.env_id, (frame.shape[:2], self._shape[:2])
            raise UsageError(
                f"{env_id} cannot be rendered: a frame of {sizes[0]} pixels follows one of {sizes[1]}",
                key="env_id",
            )


class _Painter:
    """Brings a panel's pictures to their size and writes on them."""

    def __init__(self, panel: Panel, script: Script, num_panels: int) -> None:
        self._panel, self._script, self._num_panels = panel, script, num_panels
        self._paint: Paint | None = None

    def __call__(self, frame: Array, moment: Moment) -> Array:
        small = scaled(frame, panel_width(frame.shape[1], self._num_panels, self._script.width))
        if self._script.overlay == "none":
            return small.copy()  # an environment may draw its next picture into the same array
        self._paint = self._paint or paint_for(small)
        size, width = font_size(small.shape[1]), small.shape[1]
        label = fitting(self._panel.label, width - size, size)
        lines = lines_of(moment, self._panel.scene, self._script.overlay, label)
        return with_lines(small, lines, self._paint)


def together(reels: Sequence[Iterator[T]]) -> Iterator[list[T]]:
    """Take an item of each reel at a time until the longest has run out; shorter ones repeat their last.

    >>> list(together([iter("abc"), iter("x")]))
    [['a', 'x'], ['b', 'x'], ['c', 'x']]
    """
    current = [next(reel) for reel in reels]
    going = True
    while going:
        yield list(current)
        going = False
        for index, reel in enumerate(reels):
            for current[index] in reel:
                going = True
                break
