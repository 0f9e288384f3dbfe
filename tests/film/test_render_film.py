"""Films: palettes, times, words on pictures, and GIF, MP4 and PNG files read back."""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.render_helpers import decoded, frames_of
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ppo_cli.errors import StorageError, UsageError
from ppo_cli.film.gif import encode_gif
from ppo_cli.film.layout import arranged
from ppo_cli.film.mp4 import encode_mp4, require_av
from ppo_cli.film.overlay import ON_DARK, ON_LIGHT, Line, fitting, paint_for, with_lines
from ppo_cli.film.palette import choose_palette, nearest_colours
from ppo_cli.film.png import check_folder, write_pngs
from ppo_cli.film.shots import Shot, frame_stride, timed

WHITE, BLACK = np.full((90, 120, 3), 255, np.uint8), np.zeros((90, 120, 3), np.uint8)


# --- palette and GIF


def test_a_frequent_colour_is_kept_exactly_and_near_ones_join_it() -> None:
    colours = np.array([0xFFFFFF, 0xFEFEFE, 0x102030, 0xCC0000])
    palette = choose_palette(colours, np.array([5000, 60, 3000, 100]))
    assert palette.tolist() == [[255, 255, 255], [16, 32, 48], [204, 0, 0]]
    nearest = nearest_colours(palette)
    assert nearest[0x7FFF] == 0 and nearest[(16 >> 3) << 10 | (32 >> 3) << 5 | 48 >> 3] == 1
    assert nearest[30 << 10] == 2 and nearest[0] == 1


def test_rare_colours_do_not_enlarge_the_palette() -> None:
    colours = np.arange(0, 1 << 24, 1 << 12)  # 4096 of them, none like another
    frequent = np.where(np.arange(4096) < 60, 100_000, 1)
    assert len(choose_palette(colours, frequent)) == 63
    assert len(choose_palette(colours, np.ones(4096))) == 255


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


# --- times


@given(st.sampled_from([25, 50]), st.floats(1.0, 240.0), st.integers(2, 300))
def test_times_are_true_for_every_pace(fps: int, env_fps: float, num_frames: int) -> None:
    stride = frame_stride(env_fps, fps)
    shown = sorted({*range(0, num_frames, stride), num_frames - 1})
    delays = [shot.delay for shot in timed(((index, WHITE) for index in shown), env_fps)]
    assert len(delays) == len(shown) and min(delays) >= 2
    assert abs(sum(delays) - 100 * num_frames / env_fps) <= 4
    assert all(abs(a - b) <= 1 for a, b in pairwise(delays[:-2])), "an even pace"
    assert env_fps / stride < 50.0001


# --- MP4


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


# --- PNG


def test_each_picture_is_a_file_without_loss(tmp_path: Path) -> None:
    shots = moving(3)
    count, num_bytes = write_pngs(shots, tmp_path / "film")
    files = sorted((tmp_path / "film").iterdir())
    assert [path.name for path in files] == [f"frame-0000{number}.png" for number in (1, 2, 3)]
    assert count == 3 and num_bytes == sum(path.stat().st_size for path in files)
    for path, shot in zip(files, shots, strict=True):
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), shot.frame)


def test_a_film_that_stops_in_the_middle_leaves_the_old_frames(tmp_path: Path) -> None:
    write_pngs(moving(5), tmp_path / "film")

    def broken() -> Any:
        yield from moving(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_pngs(broken(), tmp_path / "film")
    assert len(list((tmp_path / "film").iterdir())) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["film"]


def test_a_full_disk_leaves_the_old_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pngs(moving(5), tmp_path / "film")
    calls, real = [], os.write

    def full(*args: object) -> int:
        calls.append(args)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return real(*args)

    monkeypatch.setattr("ppo_cli.storage.files.os.write", full)
    with pytest.raises(StorageError):
        write_pngs(moving(9), tmp_path / "film")
    monkeypatch.undo()
    assert len(list((tmp_path / "film").iterdir())) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["film"]


def test_fewer_frames_leave_none_of_the_old_ones(tmp_path: Path) -> None:
    write_pngs(moving(5), tmp_path / "film")
    check_folder(tmp_path / "film", force=True)
    write_pngs(moving(2), tmp_path / "film")
    assert len(list((tmp_path / "film").iterdir())) == 2


def test_force_never_removes_anything_but_frames(tmp_path: Path) -> None:
    folder = tmp_path / "film"
    write_pngs(moving(2), folder)
    (folder / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(UsageError):
            check_folder(folder, force=force)
    (tmp_path / "empty").mkdir()
    check_folder(tmp_path / "empty", force=False)
    (tmp_path / "link").symlink_to("empty")
    with pytest.raises(UsageError):
        check_folder(tmp_path / "link", force=True)


# --- words on pictures


def contrast(picture: np.ndarray) -> float:
    """Luminance contrast between the brightest and the darkest pixel, as WCAG defines it."""
    linear = np.where(picture <= 10, picture / 3294.6, ((picture / 255 + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return float((luminance.max() + 0.05) / (luminance.min() + 0.05))


@pytest.mark.parametrize("background", [WHITE, BLACK])
@pytest.mark.parametrize("line", [Line("return", "5"), Line("", "5"), Line("", "", mark="ended")])
def test_letters_stand_out_from_white_and_from_black(background: np.ndarray, line: Line) -> None:
    picture = with_lines(background, [line], paint_for(background))
    assert (picture != background).any() and (background == background[0, 0]).all()
    assert contrast(picture) > 4.5, "what WCAG asks of text"


def test_the_colours_follow_the_brightness_behind_the_words() -> None:
    sky = BLACK.copy()
    sky[60:] = 255
    assert paint_for(sky) == ON_DARK and paint_for(255 - sky) == ON_LIGHT


@pytest.mark.parametrize("background", [WHITE, BLACK])
def test_an_overlay_takes_few_colours(background: np.ndarray) -> None:
    lines = [
        Line("heading"),
        Line("return", "-123.4"),
        Line("step", "42", mark="ended"),
        Line("a", "1", (0, 1)),
    ]
    picture = with_lines(background, lines, paint_for(background))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) <= 12


def test_words_are_read_on_a_busy_picture() -> None:
    busy = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    picture = with_lines(busy, [Line("return", "8")], ON_LIGHT)
    changed = (picture != busy).any(axis=2)
    rows, columns = np.nonzero((picture == ON_LIGHT.ink).all(axis=2) & changed)
    for row, column in zip(rows, columns, strict=True):
        assert changed[row - 1 : row + 2, column - 1 : column + 2].all(), "ink is surrounded by paper"
    assert len(rows)


def test_a_bar_shows_where_between_its_bounds_a_value_lies() -> None:
    def blue(bar: tuple[float, float]) -> tuple[int, int]:
        picture = with_lines(BLACK, [Line("f", "1", bar)], ON_DARK)
        columns = np.flatnonzero((picture == ON_DARK.bar).all(axis=2).any(axis=0))
        return int(columns.min()), int(columns.max())

    left, right, all_of_it = blue((0.5, 0.0)), blue((0.5, 1.0)), blue((0.0, 1.0))
    assert left[1] < right[0] and left[0] - 1 <= all_of_it[0] <= left[0] + 1 and right[1] == all_of_it[1]
    assert blue((0.5, 9.0)) == right, "never beyond its end"


def test_lines_for_which_there_is_no_room_are_left_out() -> None:
    lines = [Line("step", str(number)) for number in range(50)]
    few = with_lines(WHITE, lines[:6], ON_LIGHT)
    assert np.array_equal(with_lines(WHITE, lines, ON_LIGHT), few)
    for shape in ((4, 4, 3), (30, 40, 3), (1, 300, 3)):
        assert with_lines(np.zeros(shape, np.uint8), lines, ON_DARK).shape == shape


def test_headings_fit_and_keep_both_ends() -> None:
    assert fitting("short", 200, 10) == "short"
    cut = fitting("LunarLander-v3-ppo-clip-distance-s17", 100, 10)
    assert cut.startswith("Lunar") and cut.endswith("s17") and "…" in cut and len(cut) < 25
    assert fitting("a\n\x1b[2Jé中b", 200, 10) == "a??[2J??b"


# --- panels


def test_panels_stand_in_a_row_or_a_grid_and_nothing_overlaps() -> None:
    for count in range(2, 17):
        panels = [np.full((6, 8, 3), 130 + number, np.uint8) for number in range(count)]
        picture = arranged(panels)
        for number in range(count):
            assert (picture == 130 + number).all(axis=2).sum() == 6 * 8
        assert picture.shape[1] <= 4 * 8 + 3 * 4
