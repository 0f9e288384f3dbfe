"""``ppo render``: words on the pictures, several policies side by side, a run's progress, formats."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces
from helpers.cli_runner import TINY, inside, ppo, start
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

from ppo_cli.envs.shaping import ShapingParams
from ppo_cli.errors import UsageError
from ppo_cli.film.overlay import Line, paint_for, with_lines
from ppo_cli.film.shots import Shot
from ppo_cli.render.actions import action_lines
from ppo_cli.render.camera import END_PAUSE, Shooting
from ppo_cli.render.hud import Overlay, lines_of
from ppo_cli.render.playing import Moment, draw, play
from ppo_cli.render.scene import Panel, Scene, check_same_env, random_scene
from ppo_cli.render.script import Script, side_by_side, start_seeds

A, B = "CartPole-v1-ppo-clip-s1", "CartPole-v1-ppo-clip-s2"
KEEP = ("--set", "keep_policies=3")


@pytest.fixture(autouse=True, scope="module")
def clocks() -> Iterator[None]:
    register_clocks()
    yield
    forget_clocks()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two seeds of CartPole were trained a little, and their policies kept."""
    folder = tmp_path_factory.mktemp("trained")
    result = inside("train", *TINY, *KEEP, "--seeds", "2", cwd=folder)
    assert result.code == 0, result.stderr
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    return tmp_path


def last_moment(env_id: str, shaping: ShapingParams | None = None) -> Moment:
    scene = scene_of(env_id, shaping)
    *_, (_, moment) = draw(scene, 3, with_terms=True)
    return moment


def scene_of(env_id: str, shaping: ShapingParams | None = None) -> Scene:
    scene = random_scene(env_id)
    return Scene(scene.env_id, {}, scene.make_agent, shaping or ShapingParams())


# --- what is written


def test_a_simple_overlay_tells_return_and_step_and_that_it_has_ended() -> None:
    moment = last_moment("CartPole-v1")
    lines = lines_of(moment, scene_of("CartPole-v1"), "simple")
    length = moment.episode.length
    assert [(line.name, line.value) for line in lines] == [("return", f"{length}.0"), ("step", f"{length}")]
    assert lines[1].mark == "ended"
    assert lines_of(moment, scene_of("CartPole-v1"), "none", "label") == []


def test_a_full_overlay_tells_action_reward_and_terms() -> None:
    moment = last_moment("LunarLander-v3")
    lines = {line.name: line.value for line in lines_of(moment, scene_of("LunarLander-v3"), "full")}
    assert list(lines) == [
        "return", "step", "action", "reward",
        "distance", "velocity", "angle", "legs", "main_engine", "side_engine",
    ]  # fmt: skip
    assert lines["action"] in ("none", "left engine", "main engine", "right engine")
    assert lines["reward"] == "-100" and float(lines["distance"]) < 0


def test_a_shaped_reward_is_told_beside_the_environments_own() -> None:
    shaping = ShapingParams("add", 2.0, {"position": 1.0})
    moment = last_moment("CartPole-v1", shaping)
    assert moment.shaped == pytest.approx(moment.reward + 2 * moment.terms["position"])
    assert moment.episode.episode_return == moment.episode.length, "the environment's own"
    names = [line.name for line in lines_of(moment, scene_of("CartPole-v1", shaping), "full")]
    assert names[-1] == "shaped"
    assert "shaped" not in [line.name for line in lines_of(moment, scene_of("CartPole-v1"), "full")]


def test_terms_do_not_change_what_is_played() -> None:
    for env_id in ("LunarLander-v3", "Pendulum-v1", "Clock-v0"):
        *_, (_, plain) = draw(scene_of(env_id), 5)
        *_, (_, told) = draw(scene_of(env_id), 5, with_terms=True)
        assert told.episode == plain.episode == play(scene_of(env_id), 5)


def test_an_environment_without_terms_has_a_full_overlay_too(tmp_path: Path) -> None:
    document = rendered("--random", "--env", "Clock-v0", "--overlay", "full", cwd=tmp_path)
    assert document["episodes"][0]["length"] == 10


def test_actions_are_told_in_words_and_bars() -> None:
    (line,) = action_lines(np.array([1.0], np.float32), spaces.Box(-2, 2, (1,), np.float32), "Pendulum-v1")
    assert (line.name, line.value, line.bar) == ("torque", "1", (0.5, 0.75))
    throttles = action_lines(np.zeros(2), spaces.Box(-1, 1, (2,)), "LunarLanderContinuous-v3")
    assert [line.name for line in throttles] == ["main engine", "side engine"]
    assert [line.name for line in action_lines(None, spaces.Box(-1, 1, (9,)), "Ant-v0")][-1] == "and 3 more"
    (unbounded,) = action_lines(np.array([7.0]), spaces.Box(-np.inf, np.inf, (1,)), "Mine-v0")
    assert (unbounded.name, unbounded.value, unbounded.bar) == ("action", "7", None)


def test_what_is_written_is_drawn_and_none_draws_nothing() -> None:
    panel = Panel(random_scene("CartPole-v1"))

    def film(overlay: Overlay) -> list[Shot]:
        script = Script(overlay=overlay, fps=50)
        return list(Shooting(side_by_side([panel], script), script))

    plain, simple, full = film("none"), film("simple"), film("full")
    for shot, (frame, _) in zip(plain, draw(panel.scene, start_seeds(0, 1)[0]), strict=True):
        assert np.array_equal(shot.frame, frame)
    drawn = [one[5].frame != plain[5].frame for one in (simple, full)]
    rows = [np.flatnonzero(one.any(axis=(1, 2))).max() for one in drawn]
    assert 20 < rows[0] < rows[1] < 200, "a full overlay has more lines"
    ends = [one[-1].delay for one in (plain, simple, full)]
    assert ends == [2, 2 + END_PAUSE, 2 + END_PAUSE], "what is written can be read at the end"


def test_time_that_ends_an_episode_is_told_apart_from_its_end() -> None:
    assert lines_of(last_moment("LateClock-v0"), scene_of("LateClock-v0"), "simple")[1].mark == "time is up"


# --- side by side


def test_several_runs_are_shown_side_by_side_from_the_same_start(folder: Path) -> None:
    document = rendered(A, f"again={B}", "--overlay", "none", cwd=folder)
    assert document["path"] == "side-by-side.gif" and document["run_dir"] is None
    first, second = document["episodes"]
    assert (first["label"], second["label"]) == (A, "again") and first["seed"] == second["seed"]
    assert second["run_dir"] == f"runs/{B}" and first["policy"] == "last"
    frames, _ = frames_of(folder / "side-by-side.gif")
    assert frames[0].shape == (399, 1200, 3)
    left, right = frames[0][:, :598], frames[0][:, 602:]
    assert np.array_equal(left, right), "the start state"
    assert (frames[0][:, 598:602] == 120).all()
    assert not np.array_equal(frames[-1][:, :598], frames[-1][:, 602:])


def test_each_episode_is_the_one_that_the_run_plays_alone(folder: Path) -> None:
    together = rendered(A, B, "--seed", "4", cwd=folder)["episodes"]
    for one in together:
        (alone,) = rendered(one["run_dir"], "--seed", "4", cwd=folder)["episodes"]
        assert {key: one[key] for key in alone} == alone


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
    assert [one.episode.length for one in shooting.shown] == [10, 4]


def test_an_untrained_agent_plays_beside_a_run(folder: Path) -> None:
    document = rendered(A, "--random", cwd=folder)
    trained, untrained = document["episodes"]
    assert untrained["label"] == "untrained" and untrained["run_dir"] is None
    assert trained["seed"] == untrained["seed"]


def test_five_panels_make_a_grid_and_the_width_is_that_of_the_film(folder: Path) -> None:
    names = [f"{letter}={A if letter < 'c' else B}" for letter in "abcde"]
    rendered(*names, "--width", "300", cwd=folder)
    frames, _ = frames_of(folder / "side-by-side.gif")
    height, width, _ = frames[0].shape
    assert 295 <= width <= 300 and height == 2 * round(400 * ((width - 8) // 3) / 600) + 4


def test_one_picks_the_episode_by_the_mean_of_all_policies(folder: Path) -> None:
    best = rendered(A, B, "--pick", "best", "--of", "6", cwd=folder)["episodes"]
    means = np.mean(
        [
            inside("eval", run, "--episodes", "6", "--seed", "0", "--json", cwd=folder).json["returns"]
            for run in (A, B)
        ],
        axis=0,
    )
    assert np.mean([one["return"] for one in best]) == means.max() > means.min()


def test_environments_that_were_made_differently_are_refused(tmp_path: Path) -> None:
    plain = scene_of("Clock-v0")
    other = Scene(plain.env_id, {"hours": 12}, plain.make_agent, plain.shaping)
    with pytest.raises(UsageError, match=r"b plays Clock-v0 with env_kwargs \{'hours': 12\}"):
        check_same_env({Path("a"): plain, Path("b"): other})


@pytest.mark.parametrize("width", [16, 50, 110])
def test_bars_that_reach_beyond_a_narrow_picture_are_cut(width: int) -> None:
    frame = np.zeros((120, width, 3), np.uint8)
    line = Line("action", "0.5", bar=(0.0, 1.0))
    assert with_lines(frame, [line], paint_for(frame)).shape == frame.shape


def test_different_environments_are_refused_by_name(folder: Path) -> None:
    assert inside("train", "--env", "Clock-v0", *TINY[2:], cwd=folder).code == 0
    code, message = refused(A, "Clock-v0-ppo-clip-s1", cwd=folder)
    assert code == 2 and "Clock-v0" in message and "CartPole-v1" in message
    assert not (folder / "side-by-side.gif").exists()


def test_seventeen_panels_are_too_many(folder: Path) -> None:
    code, message = refused(*(f"{number}={A}" for number in range(17)), cwd=folder)
    assert code == 2 and "17" in message and "16" in message


# --- progress


def test_the_kept_policies_are_shown_one_after_the_other(folder: Path) -> None:
    document = rendered(A, "--progress", cwd=folder)
    assert document["path"] == f"runs/{A}/progress.gif"
    labels = [one["label"] for one in document["episodes"]]
    assert labels == ["untrained", "trained for 64 steps", "trained for 128 steps"]
    assert [one["global_step"] for one in document["episodes"]] == [0, 64, 128]
    assert len({one["seed"] for one in document["episodes"]}) == 1
    (last,) = rendered(A, cwd=folder)["episodes"]
    assert document["episodes"][-1]["return"] == last["return"], "the last one is the run's policy"
    frames, delays = frames_of(folder / f"runs/{A}/progress.gif")
    assert sum(delay >= END_PAUSE for delay in delays) == 3, "each end can be read"
    assert {frame.shape for frame in frames} == {(400, 600, 3)}


def test_a_run_without_kept_policies_is_told_what_to_set(folder: Path) -> None:
    shutil.rmtree(folder / "runs" / A / "policies")
    code, message = refused(A, "--progress", cwd=folder)
    assert code == 2 and "keep_policies" in message
    assert refused(A, B, "--progress", cwd=folder)[0] == 2


def test_a_damaged_kept_policy_is_named(folder: Path) -> None:
    path = folder / "runs" / A / "policies" / "step-000000000064.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    code, message = refused(A, "--progress", cwd=folder)
    assert code == 5 and path.name in message and not (folder / "runs" / A / "progress.gif").exists()


# --- formats


def test_an_mp4_shows_the_episode_in_its_own_time(folder: Path) -> None:
    document = rendered(A, "--output", "film.mp4", "--overlay", "full", cwd=folder)
    frames, times, _ = decoded(folder / "film.mp4")
    (episode,) = document["episodes"]
    assert document["format"] == "mp4" and document["frames"] == len(frames)
    assert frames[0].shape == (400, 600, 3)
    assert times[-1] == pytest.approx(episode["length"] / 50, abs=0.001)
    before = (folder / "film.mp4").read_bytes()
    rendered(A, "--output", "film.mp4", "--overlay", "full", "--force", cwd=folder)
    assert (folder / "film.mp4").read_bytes() == before, "the same twice"


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


def test_pictures_drawn_into_one_array_are_told_apart(tmp_path: Path) -> None:
    rendered("--overlay", "none", "--random", "--env", "Reused-v0", "--fps", "50", cwd=tmp_path)
    frames, _ = frames_of(tmp_path / "Reused-v0-random.gif")
    for step, frame in enumerate(frames):
        assert np.array_equal(frame, clock_face(step))


@pytest.mark.parametrize("options", [("--overlay", "full"), (B, "--random"), ("--progress",)])
def test_the_same_twice_gives_the_same_bytes(options: tuple[str, ...], folder: Path) -> None:
    for name in ("a.gif", "b.gif"):
        rendered(A, *options, "--output", name, cwd=folder)
    assert (folder / "a.gif").read_bytes() == (folder / "b.gif").read_bytes()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_leaves_nothing(signum: signal.Signals, folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    process = start(
        "render",
        "--random",
        "--env",
        "LunarLander-v3",
        "--episodes",
        "100",
        "--output",
        "frames/",
        cwd=folder,
    )
    deadline = time.monotonic() + 60
    while not any(folder.glob(".frames.*.tmp/frame-00003.png")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signum)
    assert process.wait(timeout=30) == 128 + signum
    assert sorted(path.name for path in folder.iterdir()) == before


def test_it_needs_no_display_in_any_format(folder: Path) -> None:
    env = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
    env.pop("SDL_VIDEODRIVER", None)
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    result = ppo("render", A, B, "--overlay", "full", "--output", "film.mp4", "--json", cwd=folder, env=env)
    assert result.code == 0 and result.stderr == "", result.stderr
    assert json.loads(result.stdout)["bytes"] == (folder / "film.mp4").stat().st_size
