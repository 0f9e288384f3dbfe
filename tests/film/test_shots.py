"""How long pictures stay."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ppo_cli.film.shots import frame_stride, timed

WHITE, BLACK = np.full((90, 120, 3), 255, np.uint8), np.zeros((90, 120, 3), np.uint8)


@given(st.sampled_from([25, 50]), st.floats(1.0, 240.0), st.integers(2, 300))
def test_times_are_true_for_every_pace(fps: int, env_fps: float, num_frames: int) -> None:
    stride = frame_stride(env_fps, fps)
    shown = sorted({*range(0, num_frames, stride), num_frames - 1})
    delays = [shot.delay for shot in timed(((index, WHITE) for index in shown), env_fps)]
    assert len(delays) == len(shown) and min(delays) >= 2
    assert abs(sum(delays) - 100 * num_frames / env_fps) <= 4
    assert all(abs(a - b) <= 1 for a, b in pairwise(delays[:-2])), "an even pace"
    assert env_fps / stride < 50.0001
