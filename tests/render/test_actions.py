"""Actions in words and bars."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from ppo_cli.render.actions import action_lines


def test_actions_are_told_in_words_and_bars() -> None:
    (line,) = action_lines(np.array([1.0], np.float32), spaces.Box(-2, 2, (1,), np.float32), "Pendulum-v1")
    assert (line.name, line.value, line.bar) == ("torque", "1", (0.5, 0.75))
    throttles = action_lines(np.zeros(2), spaces.Box(-1, 1, (2,)), "LunarLanderContinuous-v3")
    assert [line.name for line in throttles] == ["main engine", "side engine"]
    assert [line.name for line in action_lines(None, spaces.Box(-1, 1, (9,)), "Ant-v0")][-1] == "and 3 more"
    (unbounded,) = action_lines(np.array([7.0]), spaces.Box(-np.inf, np.inf, (1,)), "Mine-v0")
    assert (unbounded.name, unbounded.value, unbounded.bar) == ("action", "7", None)
