"""From acts to pictures: which are shown, for how long, and how they stand side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.render_helpers import (
    clock_face,
    clock_step,
    frames_of,
    rendered,
)

from ppo_cli.film.shots import Shot
from ppo_cli.render.camera import END_PAUSE, Shooting
from ppo_cli.render.hud import Overlay
from ppo_cli.render.playing import draw
from ppo_cli.render.scene import Panel, Scene, random_scene
from ppo_cli.render.script import Script, side_by_side, start_seeds

PLAIN = ("--overlay", "none", "--random", "--env")  # the environment's own pictures


def test_every_picture_is_the_environments_own(tmp_path: Path) -> None:
    document = rendered(*PLAIN, "Clock-v0", "--fps", "50", "--episodes", "2", cwd=tmp_path)
    frames, delays = frames_of(tmp_path / "Clock-v0-random.gif")
    assert document["frames"] == len(frames) == 22 and delays == [2] * 22
    for index, frame in enumerate(frames):
        assert np.array_equal(frame, clock_face(index % 11))


def test_at_half_the_pace_every_second_picture_is_shown(tmp_path: Path) -> None:
    rendered(*PLAIN, "Clock-v0", cwd=tmp_path)
    frames, delays = frames_of(tmp_path / "Clock-v0-random.gif")
    assert [clock_step(frame) for frame in frames] == [0, 2, 4, 6, 8, 10]
    assert delays == [4, 4, 4, 4, 4, 2]


@pytest.mark.parametrize("fps", ["25", "50"])
@pytest.mark.parametrize(("env_id", "env_fps"), [("SlowClock", 15), ("OddClock", 30), ("FastClock", 120)])
def test_playback_takes_as_long_as_the_episode(env_id: str, env_fps: int, fps: str, tmp_path: Path) -> None:
    rendered(*PLAIN, f"{env_id}-v0", "--fps", fps, cwd=tmp_path)
    frames, delays = frames_of(tmp_path / f"{env_id}-v0-random.gif")
    assert clock_step(frames[0]) == 0 and clock_step(frames[-1]) == 10
    assert sum(delays) == pytest.approx(100 * 11 / env_fps, abs=4) and min(delays) >= 2


def test_pictures_that_do_not_change_only_take_time(tmp_path: Path) -> None:
    document = rendered(*PLAIN, "StoppedClock-v0", cwd=tmp_path)
    frames, delays = frames_of(tmp_path / "StoppedClock-v0-random.gif")
    assert document["frames"] == len(frames) == 1 and delays == [22]


def test_the_width_is_at_most_the_environments(tmp_path: Path) -> None:
    for width, shape in (("20", (15, 20, 3)), ("999", (30, 40, 3))):
        rendered(*PLAIN, "Clock-v0", "--width", width, "--force", cwd=tmp_path)
        frames, _ = frames_of(tmp_path / "Clock-v0-random.gif")
        assert {frame.shape for frame in frames} == {shape}


def test_an_environment_without_terms_has_a_full_overlay_too(tmp_path: Path) -> None:
    document = rendered("--random", "--env", "Clock-v0", "--overlay", "full", cwd=tmp_path)
    assert document["episodes"][0]["length"] == 10


def test_what_is_written_is_drawn_and_none_draws_nothing() -> None:
    panel = Panel(random_scene("CartPole-v1"))

    def film(overlay: Overlay) -> list[Shot]:
        script = Script(overlay=overlay, fps=50)
        return list(Shooting(side_by_side([panel], script), script))

    plain, simple, full = film("none"), film("simple"), film("full")
    for shot, (frame, _) in zip(plain, draw(panel.scene, start_seeds(0, 1)[0]), strict=True):
        assert np.array_equal(shot.frame, frame)
    drawn = [shots[5].frame != plain[5].frame for shots in (simple, full)]
    rows = [np.flatnonzero(pixels.any(axis=(1, 2))).max() for pixels in drawn]
    assert 20 < rows[0] < rows[1] < 200, "a full overlay has more lines"
    ends = [shots[-1].delay for shots in (plain, simple, full)]
    assert ends == [2, 2 + END_PAUSE, 2 + END_PAUSE], "what is written can be read at the end"


def test_the_last_picture_of_an_ended_episode_stays_until_all_have_ended() -> None:
    long, short = (
        Panel(Scene("Clock-v0", {"length": length}, random_scene("Clock-v0").make_agent))
        for length in (10, 4)
    )
    script = Script(fps=50, overlay="none")
    shooting = Shooting(side_by_side([long, short], script), script)
    frames = [shot.frame for shot in shooting]
    assert len(frames) == 11
    for step, frame in enumerate(frames):
        assert np.array_equal(frame[:, :40], clock_face(step))
        assert np.array_equal(frame[:, 44:], clock_face(min(step, 4)))
    assert [shown.episode.length for shown in shooting.shown] == [10, 4]


def test_pictures_drawn_into_one_array_are_told_apart(tmp_path: Path) -> None:
    rendered("--overlay", "none", "--random", "--env", "Reused-v0", "--fps", "50", cwd=tmp_path)
    frames, _ = frames_of(tmp_path / "Reused-v0-random.gif")
    for step, frame in enumerate(frames):
        assert np.array_equal(frame, clock_face(step))
