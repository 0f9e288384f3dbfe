"""``ppo render`` of one run: the GIF that comes out, read back with Pillow, and what is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces
from helpers.cli_runner import TINY, environment, inside, ppo
from helpers.render_helpers import (
    clock_face,
    clock_step,
    forget_clocks,
    frames_of,
    refused,
    register_clocks,
    rendered,
)

from ppo_cli.film.gif import encode_gif
from ppo_cli.film.shots import Shot
from ppo_cli.render import playing
from ppo_cli.render.hud import Overlay
from ppo_cli.render.movie import render
from ppo_cli.render.playing import draw, play
from ppo_cli.render.scene import random_scene, run_scene
from ppo_cli.render.script import Script
from ppo_cli.runs.run_dir import RunDir

NAME = "CartPole-v1-ppo-clip-s1"
PLAIN = ("--overlay", "none", "--random", "--env")  # the environment's own pictures
GIF = f"runs/{NAME}/render.gif"


@pytest.fixture(autouse=True, scope="module")
def clocks() -> Iterator[None]:
    register_clocks()
    yield
    forget_clocks()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which CartPole was trained a little."""
    folder = tmp_path_factory.mktemp("trained")
    result = inside("train", *TINY, cwd=folder)
    assert result.code == 0, result.stderr
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    return tmp_path


# --- the file


def test_a_run_becomes_a_gif_in_its_folder(folder: Path) -> None:
    document = rendered("latest", cwd=folder)
    assert {"run_dir", "env_id", "path", "episodes", "frames", "bytes"} <= set(document)
    assert (document["run_dir"], document["env_id"]) == (f"runs/{NAME}", "CartPole-v1")
    assert document["path"] == GIF and document["bytes"] == (folder / GIF).stat().st_size
    frames, delays = frames_of(folder / GIF)
    assert len(frames) == document["frames"] and frames[0].shape == (400, 600, 3)
    (episode,) = document["episodes"]
    assert episode["return"] == episode["length"]
    assert sum(delays[:-1]) == 2 * episode["length"], "CartPole has 50 frames per second"
    assert document["seconds"] == sum(delays) / 100 and document["frames_per_second"] == 25


def test_people_are_told_what_was_written(folder: Path) -> None:
    result = inside("render", NAME, cwd=folder)
    assert result.code == 0 and result.stderr == ""
    assert GIF in result.stdout and "CartPole-v1" in result.stdout and "return" in result.stdout


def test_the_same_twice_gives_the_same_bytes(folder: Path) -> None:
    for options in ((), ("--stochastic",)):
        rendered(NAME, *options, "--episodes", "2", "--output", "a.gif", "--force", cwd=folder)
        rendered(NAME, *options, "--episodes", "2", "--output", "b.gif", "--force", cwd=folder)
        assert (folder / "a.gif").read_bytes() == (folder / "b.gif").read_bytes()
    rendered(NAME, "--episodes", "2", "--seed", "1", "--output", "c.gif", cwd=folder)
    assert (folder / "c.gif").read_bytes() != (folder / "a.gif").read_bytes()


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


@pytest.mark.parametrize("overlay", ["none", "simple", "full"])
def test_a_landing_is_small_and_its_particles_change_nothing(overlay: Overlay) -> None:
    scene = random_scene("LunarLander-v3")
    movie = render(scene, Script(seed=3, overlay=overlay))
    (episode,) = movie.episodes
    assert play(scene, episode.seed) == episode
    assert len(movie.gif) < 1500 * (episode.length + 1) < 300_000


def test_small_things_keep_their_colour(tmp_path: Path) -> None:
    scene = random_scene("CartPole-v1")
    picture, _ = next(iter(draw(scene, 0)))
    axle = (picture == (129, 132, 203)).all(axis=2)
    assert 20 < axle.sum() < 200, "a thousandth of the picture at most"
    ((frame,), _) = frames_of(encode_gif([Shot(picture, 4)]).data)
    assert (frame[axle] == (129, 132, 203)).all()


# --- which episodes


def test_the_episodes_are_those_of_eval(folder: Path) -> None:
    document = inside("eval", NAME, "--episodes", "4", "--seed", "7", "--json", cwd=folder).json
    shown = rendered(NAME, "--episodes", "4", "--seed", "7", cwd=folder)["episodes"]
    assert [episode["return"] for episode in shown] == document["returns"]
    assert len({episode["seed"] for episode in shown}) == 4


def test_the_best_the_worst_and_the_median_are_found(folder: Path) -> None:
    evaluation = inside("eval", NAME, "--episodes", "9", "--json", cwd=folder).json
    returns = sorted(evaluation["returns"])
    assert returns[0] < returns[4] < returns[8], "else this test shows nothing"

    def shown(pick: str, *options: str) -> list[float]:
        args = ("--pick", pick, "--of", "9", "--force", *options)
        return [episode["return"] for episode in rendered(NAME, *args, cwd=folder)["episodes"]]

    assert shown("worst") == returns[:1] and shown("median") == [returns[4]] and shown("best") == returns[8:]
    assert shown("best", "--episodes", "2") == [returns[8], returns[7]]


def test_the_best_policy_is_another_file(folder: Path) -> None:
    run = folder / "runs" / NAME
    rendered(NAME, "--best", cwd=folder)
    (run / "best_policy.safetensors").unlink()
    result = inside("render", NAME, "--best", "--force", cwd=folder)
    assert result.code == 2 and "best_policy.safetensors" in result.stderr


def test_actions_arrive_as_the_environment_wants_them(tmp_path: Path) -> None:
    for env_id in ("Clock-v0", "OddClock-v0"):
        assert inside("train", "--env", env_id, *TINY[2:], cwd=tmp_path).code == 0
        (episode,) = rendered("latest", "--stochastic", cwd=tmp_path)["episodes"]
        assert episode["length"] == 10


def test_chance_is_different_in_each_episode(trained: Path) -> None:
    scene = run_scene(RunDir(trained / "runs" / NAME), deterministic=False)
    space, obs = spaces.Discrete(2), np.zeros(4, np.float32)

    def actions(seed: int) -> list[int]:
        agent = scene.make_agent(space, seed)
        return [int(agent(obs)) for _ in range(50)]

    assert actions(1) == actions(1) != actions(2)


def test_an_episode_without_an_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "MAX_STEPS", 7)
    (episode,) = rendered("--random", "--env", "Endless-v0", cwd=tmp_path)["episodes"]
    assert episode["length"] == 7


def test_a_random_agent_acts_and_repeats_itself(tmp_path: Path) -> None:
    rendered("--random", "--env", "CartPole-v1", cwd=tmp_path)
    first = (tmp_path / "CartPole-v1-random.gif").read_bytes()
    document = rendered("--random", "--env", "CartPole-v1", "--force", cwd=tmp_path)
    assert (tmp_path / "CartPole-v1-random.gif").read_bytes() == first
    assert document["run_dir"] is None and document["path"] == "CartPole-v1-random.gif"
    assert document["episodes"][0]["length"] > 10, "one action all the time falls sooner"


# --- no display


def test_it_needs_no_display_and_pygame_keeps_quiet(folder: Path) -> None:
    env = environment()
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "PYGAME_HIDE_SUPPORT_PROMPT"):
        env.pop(variable, None)
    result = ppo("render", NAME, "--json", cwd=folder, env=env)
    assert result.code == 0, result.stderr
    assert json.loads(result.stdout)["frames"] > 1 and result.stderr == ""


# --- what is refused


def test_a_file_that_exists_is_replaced_only_by_force(folder: Path) -> None:
    (folder / GIF).write_bytes(b"mine")
    code, message = refused(NAME, cwd=folder)
    assert code == 2 and GIF in message and "--force" in message
    assert (folder / GIF).read_bytes() == b"mine"
    rendered(NAME, "--force", cwd=folder)
    assert len(frames_of(folder / GIF)[0]) > 1


@pytest.mark.parametrize("function", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(
    function: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / GIF).write_bytes(b"mine")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"ppo_cli.storage.files.os.{function}", full)
    code, message = refused(NAME, "--force", cwd=folder)
    monkeypatch.undo()
    assert code == 74 and "No space left" in message
    assert (folder / GIF).read_bytes() == b"mine"


def test_places_that_cannot_be_written_are_refused_before_playing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppo_cli.render.script.play", None)
    (folder / "folder.gif").mkdir()
    (folder / "nowhere.gif").symlink_to("gone")
    for output, part in (
        ("film.avi", ".mp4"),
        ("film", ".mp4"),
        ("gone/film.gif", "gone"),
        ("folder.gif", "not a file"),
        ("nowhere.gif", "not a file"),
    ):
        code, message = refused(NAME, "--output", output, "--force", cwd=folder)
        assert code == 2 and output in message and part in message
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    code, message = refused(NAME, cwd=folder)
    assert code == 74 and "not writable" in message


def test_runs_that_cannot_be_shown_are_refused(folder: Path) -> None:
    assert refused("Carpole", cwd=folder)[0] == 2
    policy = folder / "runs" / NAME / "policy.safetensors"
    data = bytearray(policy.read_bytes())
    data[-5] ^= 1
    policy.write_bytes(data)
    code, message = refused(NAME, cwd=folder)
    assert code == 5 and "policy.safetensors" in message
    policy.unlink()
    code, message = refused(NAME, cwd=folder)
    assert code == 2 and "has no policy.safetensors" in message
    (folder / "runs" / NAME / "config.yaml").write_text("gamma: [")
    assert refused(NAME, cwd=folder)[0] == 5
    assert not (folder / GIF).exists()


@pytest.mark.parametrize("name", [f"{'a' * 300}.gif", f"{'a' * 300}/film.gif"])
def test_a_name_that_is_too_long_is_refused_before_anything_is_drawn(name: str, folder: Path) -> None:
    code, message = refused(NAME, "--output", name, cwd=folder)
    assert code == 74 and "File name too long" in message


def test_a_long_name_is_a_name(folder: Path) -> None:
    name = f"{'a' * 240}.gif"
    rendered(NAME, "--output", name, cwd=folder)
    assert (folder / name).is_file()


@pytest.mark.parametrize("kind", ["gif", "mp4"])
def test_a_format_gives_a_name_without_ending_its_ending(kind: str, folder: Path) -> None:
    document = rendered(NAME, "--format", kind, "--output", "film", cwd=folder)
    assert document["path"] == f"film.{kind}"
    assert (folder / f"film.{kind}").is_file()


def test_a_policy_of_another_environment_is_refused(folder: Path) -> None:
    config = folder / "runs" / NAME / "config.yaml"
    config.write_text(config.read_text().replace("CartPole-v1", "Acrobot-v1"))
    code, message = refused(NAME, cwd=folder)
    assert code == 5 and "CartPole-v1" in message and "Acrobot-v1" in message


@pytest.mark.parametrize(
    ("env_id", "code", "part"),
    [
        ("Blind-v0", 2, "no render mode 'rgb_array'"),
        ("Textual-v0", 2, "str"),
        ("Growing-v0", 2, "(9, 8)"),
        ("BrokenLens-v0", 2, "failed in render(): RuntimeError: the lens is broken"),
        ("Unwilling-v0", 2, "failed in reset(seed="),
        ("CartPole-v9", 2, "CartPole-v1"),
    ],
)
def test_environments_without_pictures_are_named(env_id: str, code: int, part: str, tmp_path: Path) -> None:
    found, message = refused("--random", "--env", env_id, cwd=tmp_path)
    assert found == code and env_id in message and part in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ([], "which run"),
        ([NAME, "--env", "CartPole-v1"], "--env"),
        (["--random"], "environment"),
        (["--random", NAME, "--env", "CartPole-v1"], "--env"),
        ([NAME, "--best", "--last"], "--last"),
        ([NAME, "--overlay", "fancy"], "fancy"),
        ([NAME, "--format", "mp4", "--output", "film.gif"], "MP4"),
        ([NAME, "--format", "gif", "--output", "film/"], "GIF"),
        ([NAME, "--progress", "--best"], "--best"),
        ([NAME, "--progress", "--pick", "best"], "--pick"),
        (["--random", "--env", "CartPole-v1", "--progress"], "--random"),
        ([NAME, NAME], "twice"),
        ([f"a={NAME}", "b=Carpole"], "Carpole"),
        (["--random", "--env", "CartPole-v1", "--best"], "--best"),
        ([NAME, "--of", "5"], "--pick"),
        ([NAME, "--pick", "best", "--of", "2", "--episodes", "3"], "--of"),
        ([NAME, "--pick", "fastest"], "fastest"),
        ([NAME, "--fps", "30"], "25 or 50"),
    ],
)
def test_options_that_do_not_go_together_are_refused(args: list[str], part: str, folder: Path) -> None:
    code, message = refused(*args, cwd=folder)
    assert code == 2 and part in message


def test_the_module_of_an_environment_is_imported_only_with_consent(tmp_path: Path) -> None:
    (tmp_path / "spied.py").write_text(
        "open('imported', 'w').close()\nimport gymnasium as gym\n"
        "gym.register('Spied-v0', 'gymnasium.envs.classic_control:CartPoleEnv', max_episode_steps=20)\n"
    )
    assert ppo("train", "--env", "spied:Spied-v0", *TINY[2:], cwd=tmp_path).code == 0
    (tmp_path / "imported").unlink()
    result = ppo("render", "latest", cwd=tmp_path)
    assert result.code == 2 and "--allow-import" in result.stderr and not (tmp_path / "imported").exists()
    assert ppo("render", "latest", "--allow-import", cwd=tmp_path).code == 0
