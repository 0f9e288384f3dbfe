"""``ppo render``: the GIF that comes out, read back with Pillow, and what is refused."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from cli_runner import TINY, Result, environment, inside, ppo
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ppo_cli import render
from ppo_cli.gif import Film, choose_palette, frame_delays, frame_stride, nearest_colours
from ppo_cli.run_dir import RunDir

NAME = "CartPole-v1-ppo-clip-s1"
GIF = f"runs/{NAME}/render.gif"


class Clock(gym.Env[np.ndarray, Any]):
    """Ten steps. The picture tells the step; it must be drawn once per step, as with LunarLander."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 50}
    observation_space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space: spaces.Space[Any] = spaces.Discrete(2, start=5)
    length = 10

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.steps = self.drawn = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any):
        assert self.action_space.contains(action), action
        assert self.render_mode is None or self.drawn == self.steps + 1, "a step was not drawn"
        self.steps += 1
        return np.zeros(1, np.float32), 1.0, self.steps == self.length, False, {}

    def render(self) -> Any:
        self.drawn += 1
        return clock_face(self.steps)


class SlowClock(Clock):
    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 15}


class FastClock(Clock):
    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 120}


class OddClock(Clock):
    """Thirty frames per second are 3 1/3 hundredths each; and actions are a matrix."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 30}
    action_space = spaces.Box(-1.0, 1.0, (2, 2), np.float32)


class StoppedClock(Clock):
    """Every picture is the same."""

    def render(self) -> Any:
        self.drawn += 1
        return clock_face(0)


class Endless(Clock):
    length = -1


class Blind(Clock):
    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}


class Textual(Clock):
    def render(self) -> Any:
        return "a clock"


class Growing(Clock):
    def render(self) -> Any:
        self.drawn += 1
        return np.zeros((8 + self.steps, 8, 3), np.uint8)


class BrokenLens(Clock):
    def render(self) -> Any:
        raise RuntimeError("the lens is broken")


def clock_face(step: int) -> np.ndarray:
    frame = np.full((30, 40, 3), 255, np.uint8)
    frame[5:15, 3 * step : 3 * step + 3] = (20 * step, 0, 250 - 20 * step)
    return frame


@pytest.fixture(autouse=True, scope="module")
def clocks() -> Iterator[None]:
    classes = (
        Clock,
        SlowClock,
        FastClock,
        OddClock,
        StoppedClock,
        Endless,
        Blind,
        Textual,
        Growing,
        BrokenLens,
    )
    for cls in classes:
        gym.register(f"{cls.__name__}-v0", cls)
    yield
    for cls in classes:
        del gym.registry[f"{cls.__name__}-v0"]


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


def rendered(*args: str, cwd: Path) -> dict[str, Any]:
    result = inside("render", *args, "--json", cwd=cwd)
    assert result.code == 0, (result.stdout, result.stderr)
    document: dict[str, Any] = result.json
    return document


def frames_of(path: Path | bytes) -> tuple[list[np.ndarray], list[int]]:
    """A GIF as a browser shows it: pictures, and hundredths of a second."""
    frames, delays = [], []
    with Image.open(io.BytesIO(path) if isinstance(path, bytes) else path) as image:
        assert image.format == "GIF" and image.info.get("loop", 0) == 0
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")))
            delays.append(round(image.info["duration"] / 10))
    return frames, delays


# --- the file


def test_a_run_becomes_a_gif_in_its_folder(folder: Path) -> None:
    document = rendered("latest", cwd=folder)
    keys = {"run_dir", "env_id", "path", "episodes", "frames", "bytes"}
    assert set(document) == keys
    assert (document["run_dir"], document["env_id"]) == (f"runs/{NAME}", "CartPole-v1")
    assert document["path"] == GIF and document["bytes"] == (folder / GIF).stat().st_size
    frames, delays = frames_of(folder / GIF)
    assert len(frames) == document["frames"] and frames[0].shape == (400, 600, 3)
    (episode,) = document["episodes"]
    assert episode["return"] == episode["length"]
    assert sum(delays) == 2 * (episode["length"] + 1), "CartPole has 50 frames per second"


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
    document = rendered("--random", "--env", "Clock-v0", "--fps", "50", "--episodes", "2", cwd=tmp_path)
    frames, delays = frames_of(tmp_path / "Clock-v0-random.gif")
    assert document["frames"] == len(frames) == 22 and delays == [2] * 22
    for index, frame in enumerate(frames):
        assert np.array_equal(frame, clock_face(index % 11))


def test_at_half_the_pace_every_second_picture_is_shown(tmp_path: Path) -> None:
    rendered("--random", "--env", "Clock-v0", cwd=tmp_path)
    frames, delays = frames_of(tmp_path / "Clock-v0-random.gif")
    assert [clock_step(frame) for frame in frames] == [0, 2, 4, 6, 8, 10]
    assert delays == [4, 4, 4, 4, 4, 2]


def clock_step(frame: np.ndarray) -> int:
    return next(step for step in range(11) if np.array_equal(frame, clock_face(step)))


@pytest.mark.parametrize("fps", ["25", "50"])
@pytest.mark.parametrize(("env_id", "env_fps"), [("SlowClock", 15), ("OddClock", 30), ("FastClock", 120)])
def test_playback_takes_as_long_as_the_episode(env_id: str, env_fps: int, fps: str, tmp_path: Path) -> None:
    rendered("--random", "--env", f"{env_id}-v0", "--fps", fps, cwd=tmp_path)
    frames, delays = frames_of(tmp_path / f"{env_id}-v0-random.gif")
    assert clock_step(frames[0]) == 0 and clock_step(frames[-1]) == 10
    assert sum(delays) == pytest.approx(100 * 11 / env_fps, abs=4) and min(delays) >= 2


def test_pictures_that_do_not_change_only_take_time(tmp_path: Path) -> None:
    document = rendered("--random", "--env", "StoppedClock-v0", cwd=tmp_path)
    frames, delays = frames_of(tmp_path / "StoppedClock-v0-random.gif")
    assert document["frames"] == len(frames) == 1 and delays == [22]


def test_the_width_is_at_most_the_environments(tmp_path: Path) -> None:
    for width, shape in (("20", (15, 20, 3)), ("999", (30, 40, 3))):
        rendered("--random", "--env", "Clock-v0", "--width", width, "--force", cwd=tmp_path)
        frames, _ = frames_of(tmp_path / "Clock-v0-random.gif")
        assert {frame.shape for frame in frames} == {shape}


def test_a_landing_is_small_and_its_particles_change_nothing(tmp_path: Path) -> None:
    scene = render.random_scene("LunarLander-v3")
    movie = render.render(scene, render.Script(seed=3))
    (episode,) = movie.episodes
    assert render.play(scene, episode.seed) == episode
    assert len(movie.gif) < 1500 * (episode.length + 1) < 300_000


def test_small_things_keep_their_colour(tmp_path: Path) -> None:
    scene = render.random_scene("CartPole-v1")
    picture, _, _ = next(iter(render.draw(scene, 0)))
    axle = (picture == (129, 132, 203)).all(axis=2)
    assert 20 < axle.sum() < 200, "a thousandth of the picture at most"
    film = Film()
    film.add(picture)
    ((frame,), _) = frames_of(film.to_gif([4])[0])
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
    scene = render.run_scene(RunDir(trained / "runs" / NAME), deterministic=False)
    space, obs = spaces.Discrete(2), np.zeros(4, np.float32)

    def actions(seed: int) -> list[int]:
        agent = scene.make_agent(space, seed)
        return [int(agent(obs)) for _ in range(50)]

    assert actions(1) == actions(1) != actions(2)


def test_an_episode_without_an_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "MAX_STEPS", 7)
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


def refused(*args: str, cwd: Path) -> tuple[int, str]:
    result: Result = inside("render", *args, cwd=cwd)
    assert "Traceback" not in result.stderr and not list(cwd.rglob("*.tmp"))
    return result.code, result.stderr


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

    monkeypatch.setattr(f"ppo_cli.files.os.{function}", full)
    code, message = refused(NAME, "--force", cwd=folder)
    monkeypatch.undo()
    assert code == 74 and "No space left" in message
    assert (folder / GIF).read_bytes() == b"mine"


def test_places_that_cannot_be_written_are_refused_before_playing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "play", None)
    (folder / "folder.gif").mkdir()
    (folder / "nowhere.gif").symlink_to("gone")
    for output, part in (
        ("film.mp4", "GIF"),
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
        ("Growing-v0", 2, "(10, 8)"),
        ("BrokenLens-v0", 1, "the lens is broken"),
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
        (["--random", NAME, "--env", "CartPole-v1"], "RUN"),
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


# --- palette and times


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
    film = Film()
    film.add(photo)
    film.add(photo[::-1])
    (first, second), _ = frames_of(film.to_gif([4, 4])[0])
    assert np.abs(first.astype(int) - photo).mean() < 8
    assert np.abs(second.astype(int) - photo[::-1]).mean() < 8


def test_what_changes_to_the_commonest_colour_is_seen_before_a_busy_background() -> None:
    colours = np.array([[255, 255, 255], [0, 0, 0], [200, 0, 0], [0, 0, 200]], np.uint8)
    before = colours[np.random.default_rng(0).choice(4, size=(100, 100), p=[0.4, 0.2, 0.2, 0.2])]
    before[[0, -1], [0, -1]] = 0
    after = before.copy()
    after[[0, -1], [0, -1]] = 255
    film = Film()
    film.add(before)
    alone = len(film.to_gif([4])[0])
    film.add(after)
    gif, _ = film.to_gif([4, 4])
    (first, second), _ = frames_of(gif)
    assert np.array_equal(first, before) and np.array_equal(second, after)
    assert len(gif) - alone < 500, "two pixels changed"


@given(st.sampled_from([25, 50]), st.floats(1.0, 240.0), st.integers(2, 300))
def test_times_are_true_for_every_pace(fps: int, env_fps: float, num_frames: int) -> None:
    stride = frame_stride(env_fps, fps)
    shown = sorted({*range(0, num_frames, stride), num_frames - 1})
    delays = frame_delays(shown, num_frames, env_fps)
    assert len(delays) == len(shown) and min(delays) >= 2
    assert abs(sum(delays) - 100 * num_frames / env_fps) <= 4
    assert all(abs(a - b) <= 1 for a, b in pairwise(delays[:-2])), "an even pace"
    assert env_fps / stride < 50.0001
