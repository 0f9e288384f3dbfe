"""GIF files, read back as a browser shows them."""

from __future__ import annotations

import numpy as np
from helpers.render_helpers import frames_of

from ppo_cli.film.gif import encode_gif
from ppo_cli.film.shots import Shot

WHITE, BLACK = np.full((90, 120, 3), 255, np.uint8), np.zeros((90, 120, 3), np.uint8)


def test_a_photograph_is_still_recognised() -> None:
    rows, columns = np.mgrid[0:120, 0:160]
    photo = np.stack([rows * 2, columns, (rows + columns) // 2], axis=2).astype(np.uint8)
    (first, second), _ = frames_of(encode_gif([Shot(photo, 4), Shot(photo[::-1], 4)]).data)
    assert np.abs(first.astype(int) - photo).mean() < 8
    assert np.abs(second.astype(int) - photo[::-1]).mean() < 8


def test_what_changes_to_the_commonest_colour_is_seen_before_a_busy_background() -> None:
    colours = np.array([[255, 255, 255], [0, 0, 0], [200, 0, 0], [0, 0, 200]], np.uint8)
    before = colours[np.random.default_rng(0).choice(4, size=(100, 100), p=[0.4, 0.2, 0.2, 0.2])]
    before[[0, -1], [0, -1]] = 0
    after = before.copy()
    after[[0, -1], [0, -1]] = 255
    alone = len(encode_gif([Shot(before, 4)]).data)
    gif = encode_gif([Shot(before, 4), Shot(after, 4)]).data
    (first, second), _ = frames_of(gif)
    assert np.array_equal(first, before) and np.array_equal(second, after)
    assert len(gif) - alone < 500, "two pixels changed"


def test_pictures_that_are_equal_are_one_that_stays_longer() -> None:
    encoded = encode_gif([Shot(WHITE, 3), Shot(WHITE, 4), Shot(BLACK, 5)])
    _, delays = frames_of(encoded.data)
    assert delays == [7, 5] and (encoded.frames, encoded.seconds) == (2, 0.12)
