"""MP4 files, read back as a player shows them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from helpers.render_helpers import decoded

from ppo_cli.errors import UsageError
from ppo_cli.film.mp4 import encode_mp4, require_av
from ppo_cli.film.shots import Shot


def moving(count: int, height: int = 90, width: int = 120) -> list[Shot]:
    """A red square that wanders over white."""
    shots = []
    for index in range(count):
        frame = np.full((height, width, 3), 255, np.uint8)
        frame[20:60, 4 * index : 4 * index + 40] = (200, 30, 30)
        shots.append(Shot(frame, 4 if index < count - 1 else 54))
    return shots


def test_a_player_shows_the_same_pictures_at_the_same_times() -> None:
    shots = moving(12)
    encoded = encode_mp4(shots)
    frames, times, stream = decoded(encoded.data)
    assert len(frames) == 12 and times == pytest.approx([0.04 * index for index in range(12)], abs=1e-6)
    assert float(stream.duration * stream.time_base) == pytest.approx(encoded.seconds) == pytest.approx(0.98)
    for frame, shot in zip(frames, shots, strict=True):
        assert np.abs(frame.astype(int) - shot.frame).mean() < 4
    assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"


def test_odd_sides_are_made_even() -> None:
    frames, _, _ = decoded(encode_mp4(moving(3, 75, 101)).data)
    assert frames[0].shape == (76, 102, 3)
    assert frames[0][-1, -1].min() > 240, "white goes on"


def test_an_mp4_is_the_same_twice_and_smaller_than_its_pictures() -> None:
    first, second = (encode_mp4(moving(12)).data for _ in range(2))
    assert first == second and len(first) < 20_000


def test_without_pyav_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError) as caught:
        require_av()
    assert "ppo-cli[mp4]" in str(caught.value.hint)
