"""One environment that does what it should until it is told to do something wrong, somewhere."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from ppo_cli.envs import guard

GOOD = np.zeros(3, np.float32)
GOES_ON = object()


class Faulty(gym.Env[np.ndarray, Any]):
    """Pays 1 for each of 8 steps. A test says what goes wrong, where, and from which step of all on.

    Attributes:
        wrong: What to do in each method, by its name; what it gives is given, but for ``GOES_ON``.
        since: How many steps all such environments take before anything goes wrong.
    """

    observation_space = spaces.Box(-1, 1, (3,), np.float32)
    action_space = spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
    wrong: dict[str, Callable[[], Any]] = {}  # noqa: RUF012
    since = 0
    steps_of_all = 0

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self._or("init", None)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self._or("reset", (GOOD, {}))

    def step(self, action: Any) -> Any:
        self.steps += 1
        Faulty.steps_of_all += 1
        return self._or("step", (GOOD, 1.0, self.steps >= 8, False, {}))

    def render(self) -> Any:
        return self._or("render", np.zeros((16, 16, 3), np.uint8))

    def close(self) -> None:
        self._or("close", None)

    def _or(self, method: str, good: Any) -> Any:
        """What a method gives: what it should, unless it is told otherwise."""
        do = self.wrong.get(method)
        if do is None or Faulty.steps_of_all < self.since:
            return good
        given = do()
        return good if given is GOES_ON else given


def register() -> str:
    """The id of the environment, registered if that did not happen before."""
    if "AnyFault-v0" not in gym.registry:
        gym.register("AnyFault-v0", Faulty, max_episode_steps=20)
    return "AnyFault-v0"


def raises() -> Any:
    raise RuntimeError("out of order")


def exits() -> Any:
    sys.exit(0)


def hangs() -> Any:
    _let_the_time_be_over()
    time.sleep(1e6)


def hangs_on() -> Any:
    """It also catches what should wake it up, as careless code does."""
    _let_the_time_be_over()
    while True:
        try:
            time.sleep(1e6)
        except Exception:
            continue


def _let_the_time_be_over() -> None:
    """All but the last moment of the time that a call may take is gone, on a machine of any speed."""
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    if not (0.0 < left <= guard.CALL_SECONDS and interval):
        pytest.fail("this call may take for ever")
    signal.setitimer(signal.ITIMER_REAL, 0.001, interval)


def prints() -> Any:
    print("hello from the environment")
    os.write(1, b"hello from C\n")
    return GOES_ON


def leaves_traces() -> Any:
    """It changes what belongs to the whole process."""
    os.chdir("/")
    np.seterr(all="raise")
    return GOES_ON


def gives(value: Any) -> Callable[[], Any]:
    return lambda: value
