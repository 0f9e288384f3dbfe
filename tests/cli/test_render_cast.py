"""``ppo render`` of several: side by side, or one after the other as the policies of one run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.cli_runner import TINY, inside
from helpers.render_helpers import (
    forget_clocks,
    frames_of,
    refused,
    register_clocks,
    rendered,
)

from ppo_cli.render.camera import END_PAUSE

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
    for episode in together:
        (alone,) = rendered(episode["run_dir"], "--seed", "4", cwd=folder)["episodes"]
        assert {key: episode[key] for key in alone} == alone


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
    assert np.mean([episode["return"] for episode in best]) == means.max() > means.min()


def test_different_environments_are_refused_by_name(folder: Path) -> None:
    assert inside("train", "--env", "Clock-v0", *TINY[2:], cwd=folder).code == 0
    code, message = refused(A, "Clock-v0-ppo-clip-s1", cwd=folder)
    assert code == 2 and "Clock-v0" in message and "CartPole-v1" in message
    assert not (folder / "side-by-side.gif").exists()


def test_seventeen_panels_are_too_many(folder: Path) -> None:
    code, message = refused(*(f"{number}={A}" for number in range(17)), cwd=folder)
    assert code == 2 and "17" in message and "16" in message


def test_the_kept_policies_are_shown_one_after_the_other(folder: Path) -> None:
    document = rendered(A, "--progress", cwd=folder)
    assert document["path"] == f"runs/{A}/progress.gif"
    labels = [episode["label"] for episode in document["episodes"]]
    assert labels == ["untrained", "trained for 64 steps", "trained for 128 steps"]
    assert [episode["global_step"] for episode in document["episodes"]] == [0, 64, 128]
    assert len({episode["seed"] for episode in document["episodes"]}) == 1
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


@pytest.mark.parametrize("options", [("--overlay", "full"), (B, "--random"), ("--progress",)])
def test_the_same_twice_gives_the_same_bytes(options: tuple[str, ...], folder: Path) -> None:
    for name in ("a.gif", "b.gif"):
        rendered(A, *options, "--output", name, cwd=folder)
    assert (folder / "a.gif").read_bytes() == (folder / "b.gif").read_bytes()
