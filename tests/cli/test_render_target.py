"""``ppo render``: where the film goes, in which format, and what is never overwritten."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.render_helpers import (
    clock_face,
    decoded,
    forget_clocks,
    frames_of,
    refused,
    register_clocks,
    rendered,
)
from PIL import Image

NAME = "CartPole-v1-ppo-clip-s1"
GIF = f"runs/{NAME}/render.gif"


@pytest.fixture(autouse=True, scope="module")
def clocks() -> Iterator[None]:
    register_clocks()
    yield
    forget_clocks()


def test_a_file_that_exists_is_replaced_only_by_force(cartpole: Path) -> None:
    (cartpole / GIF).write_bytes(b"mine")
    code, message = refused(NAME, cwd=cartpole)
    assert code == 2 and GIF in message and "--force" in message
    assert (cartpole / GIF).read_bytes() == b"mine"
    rendered(NAME, "--force", cwd=cartpole)
    assert len(frames_of(cartpole / GIF)[0]) > 1


@pytest.mark.parametrize("function", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(
    function: str, cartpole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cartpole / GIF).write_bytes(b"mine")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"ppo_cli.storage.files.os.{function}", full)
    code, message = refused(NAME, "--force", cwd=cartpole)
    monkeypatch.undo()
    assert code == 74 and "No space left" in message
    assert (cartpole / GIF).read_bytes() == b"mine"


def test_places_that_cannot_be_written_are_refused_before_playing(
    cartpole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppo_cli.render.script.play", None)
    (cartpole / "folder.gif").mkdir()
    (cartpole / "nowhere.gif").symlink_to("gone")
    for output, part in (
        ("film.avi", ".mp4"),
        ("film", ".mp4"),
        ("gone/film.gif", "gone"),
        ("folder.gif", "not a file"),
        ("nowhere.gif", "not a file"),
    ):
        code, message = refused(NAME, "--output", output, "--force", cwd=cartpole)
        assert code == 2 and output in message and part in message
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    code, message = refused(NAME, cwd=cartpole)
    assert code == 74 and "not writable" in message


@pytest.mark.parametrize("name", [f"{'a' * 300}.gif", f"{'a' * 300}/film.gif"])
def test_a_name_that_is_too_long_is_refused_before_anything_is_drawn(name: str, cartpole: Path) -> None:
    code, message = refused(NAME, "--output", name, cwd=cartpole)
    assert code == 74 and "File name too long" in message


def test_a_long_name_is_a_name(cartpole: Path) -> None:
    name = f"{'a' * 240}.gif"
    rendered(NAME, "--output", name, cwd=cartpole)
    assert (cartpole / name).is_file()


@pytest.mark.parametrize("kind", ["gif", "mp4"])
def test_a_format_gives_a_name_without_ending_its_ending(kind: str, cartpole: Path) -> None:
    document = rendered(NAME, "--format", kind, "--output", "film", cwd=cartpole)
    assert document["path"] == f"film.{kind}"
    assert (cartpole / f"film.{kind}").is_file()


def test_an_mp4_shows_the_episode_in_its_own_time(cartpole: Path) -> None:
    document = rendered(NAME, "--output", "film.mp4", "--overlay", "full", cwd=cartpole)
    frames, times, _ = decoded(cartpole / "film.mp4")
    (episode,) = document["episodes"]
    assert document["format"] == "mp4" and document["frames"] == len(frames)
    assert frames[0].shape == (400, 600, 3)
    assert times[-1] == pytest.approx(episode["length"] / 50, abs=0.001)
    before = (cartpole / "film.mp4").read_bytes()
    rendered(NAME, "--output", "film.mp4", "--overlay", "full", "--force", cwd=cartpole)
    assert (cartpole / "film.mp4").read_bytes() == before, "the same twice"


def test_png_files_are_the_environments_pictures(tmp_path: Path) -> None:
    args = ("--overlay", "none", "--random", "--env", "Clock-v0", "--fps", "50")
    document = rendered(*args, "--output", "frames/", cwd=tmp_path)
    assert (document["format"], document["frames"], document["path"]) == ("png", 11, "frames")
    for step in range(11):
        with Image.open(tmp_path / "frames" / f"frame-{step + 1:05d}.png") as image:
            assert np.array_equal(np.asarray(image), clock_face(step))
    code, message = refused(*args, "--output", "frames/", cwd=tmp_path)
    assert code == 2 and "not empty" in message and "--force" in message
    rendered(*args, "--output", "frames/", "--force", cwd=tmp_path)
    rendered(*args, "--format", "png", cwd=tmp_path)
    assert len(list((tmp_path / "Clock-v0-random-frames").iterdir())) == 11
