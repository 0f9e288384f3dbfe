"""CartPole behind a gate: who comes to it while it is closed waits there, and tells that it does.

Used from the module that :class:`helpers.gate.Gate` writes, in whichever process trains or draws.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import gymnasium as gym
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from ppo_cli.learn.trainer import train

WAITING, STOPPING = ".", "s"  # what is told at each look: the training would go on, or would stop
_LOOK_SECONDS = 0.005


class GateOfProcess:
    """The gate as one process meets it.

    Args:
        folder: It is closed as long as a file ``closed`` lies there.
        after: How many calls of this process go through it first, whether it is closed or not.
    """

    def __init__(self, folder: Path, after: int) -> None:
        self._closed = folder / "closed"
        self._looks = folder / f"held-{os.getpid()}"
        self._left = after

    def wait(self) -> None:
        """Wait until it is open. Signals are handled meanwhile, and it is no call that takes too long."""
        if self._left > 0:
            self._left -= 1
            return
        if not self._closed.exists():
            return
        timer = signal.setitimer(signal.ITIMER_REAL, 0)
        with self._looks.open("a") as looks:
            while self._closed.exists():
                looks.write(STOPPING if _training_would_stop() else WAITING)
                looks.flush()
                time.sleep(_LOOK_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, *timer)


class Gated(CartPoleEnv):
    """CartPole whose steps go through the gate.

    Args:
        render_mode: As of every environment.
        passes: Whether this one goes through a closed gate, too.
    """

    gate: GateOfProcess

    def __init__(self, render_mode: str | None = None, passes: bool = False) -> None:
        super().__init__(render_mode=render_mode)
        self.passes = passes

    def step(self, action: Any):
        if not self.passes:
            Gated.gate.wait()
        return super().step(action)


class GatedPictures(CartPoleEnv):
    """CartPole whose pictures go through the gate."""

    def render(self) -> Any:
        Gated.gate.wait()
        return super().render()


def register(module: str, after: int) -> None:
    """Register both environments with the gate that lies beside a module.

    Args:
        module: The module's file.
        after: See :class:`GateOfProcess`.
    """
    Gated.gate = GateOfProcess(Path(module).parent, after)
    for env in (Gated, GatedPictures):
        gym.register(f"{env.__name__}-v0", env, max_episode_steps=500)


def _training_would_stop() -> bool:
    """Whether the training that is stepping an environment right now would stop if it asked now."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code is not train.__code__:
        frame = frame.f_back
    return frame is not None and frame.f_locals["stop"]()
