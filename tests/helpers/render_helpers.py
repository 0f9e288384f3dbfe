"""Environments whose pictures tell what was drawn, and films read back as a viewer sees them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from PIL import Image

from helpers.cli_runner import Result, inside


class Clock(gym.Env[np.ndarray, Any]):
    """Ten steps. The picture tells the step; it must be drawn once per step, as with LunarLander."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 50}
    observation_space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space: spaces.Space[Any] = spaces.Discrete(2, start=5)
    length = 10

    def __init__(self, render_mode: str | None = None, length: int | None = None) -> None:
        self.render_mode = render_mode
        self.length = length or self.length

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.steps = self.drawn = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any):
        assert self.action_space.contains(action), action
        assert self.render_mode is None or self.drawn == self.steps + 1, "a step was not drawn"
        self.steps += 1
        return np.zeros(1, np.float32), 1.0, self.steps == self.length, False, {}

    def render(self) -> Any:
        self.drawn += 1
        return clock_face(self.steps)


class SlowClock(Clock):
    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 15}


class FastClock(Clock):
    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 120}


class OddClock(Clock):
    """Thirty frames per second are 3 1/3 hundredths each; and actions are a matrix."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 30}
    action_space = spaces.Box(-1.0, 1.0, (2, 2), np.float32)


class StoppedClock(Clock):
    """Every picture is the same."""

    def render(self) -> Any:
        self.drawn += 1
        return clock_face(0)


class SeededClock(Clock):
    """It stops after as many steps as its seed says."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        result = super().reset(seed=seed, options=options)
        self.length = int(self.np_random.integers(2, 11))
        return result


class LateClock(Clock):
    """An episode that time ends."""

    def step(self, action: Any):
        obs, reward, done, _, info = super().step(action)
        return obs, reward, False, done, info


class Reused(Clock):
    """Every picture is drawn into the same array."""

    def render(self) -> Any:
        self.canvas = getattr(self, "canvas", clock_face(0))
        self.canvas[:] = super().render()
        return self.canvas


class Endless(Clock):
    length = -1


class Blind(Clock):
    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}


class Textual(Clock):
    def render(self) -> Any:
        return "a clock"


class Growing(Clock):
    def render(self) -> Any:
        self.drawn += 1
        return np.zeros((8 + self.steps, 8, 3), np.uint8)


class BrokenLens(Clock):
    def render(self) -> Any:
        raise RuntimeError("the lens is broken")


class Unwilling(Clock):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        raise RuntimeError("not today")


CLOCKS = (
    Clock, SlowClock, FastClock, OddClock, StoppedClock, SeededClock, LateClock, Reused, Endless, Blind,
    Textual, Growing, BrokenLens, Unwilling,
)  # fmt: skip


def register_clocks() -> None:
    for cls in CLOCKS:
        gym.register(f"{cls.__name__}-v0", cls)


def forget_clocks() -> None:
    for cls in CLOCKS:
        del gym.registry[f"{cls.__name__}-v0"]


def clock_face(step: int) -> np.ndarray:
    frame = np.full((30, 40, 3), 255, np.uint8)
    frame[5:15, 3 * step : 3 * step + 3] = (20 * step, 0, 250 - 20 * step)
    return frame


def clock_step(frame: np.ndarray) -> int:
    """The step whose picture this is."""
    return next(step for step in range(11) if np.array_equal(frame, clock_face(step)))


def rendered(*args: str, cwd: Path) -> dict[str, Any]:
    """The document of a successful ``ppo render``."""
    result = inside("render", *args, "--json", cwd=cwd)
    assert result.code == 0, (result.stdout, result.stderr)
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def refused(*args: str, cwd: Path) -> tuple[int, str]:
    """Exit code and message of a ``ppo render`` that is refused, and leaves nothing behind."""
    result: Result = inside("render", *args, cwd=cwd)
    assert "Traceback" not in result.stderr and not list(cwd.rglob("*.tmp"))
    return result.code, result.stderr


def frames_of(gif: Path | bytes) -> tuple[list[np.ndarray], list[int]]:
    """A GIF as a browser shows it: pictures, and hundredths of a second."""
    frames, delays = [], []
    with Image.open(io.BytesIO(gif) if isinstance(gif, bytes) else gif) as image:
        assert image.format == "GIF" and image.info.get("loop", 0) == 0
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")))
            delays.append(round(image.info["duration"] / 10))
    return frames, delays


def decoded(mp4: Path | bytes) -> tuple[list[np.ndarray], list[float], Any]:
    """An MP4 as a player shows it: pictures, the second at which each begins, and its video stream."""
    import av

    with av.open(io.BytesIO(mp4) if isinstance(mp4, bytes) else str(mp4)) as container:
        stream = container.streams.video[0]
        pictures = list(container.decode(stream))
        return [p.to_ndarray(format="rgb24") for p in pictures], [float(p.time) for p in pictures], stream
