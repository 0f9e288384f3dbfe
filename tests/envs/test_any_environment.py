"""What an environment may do wrong × where: a clear message, exit code 2, nothing half-made, no hang."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from helpers import faulty_env
from helpers.cli_runner import TINY, Result, inside, runs_in
from helpers.faulty_env import GOOD, Faulty, exits, gives, hangs, hangs_on, leaves_traces, prints, raises

from ppo_cli.envs import guard

SMALL = (*TINY[2:], "--seed", "1")
TRAIN = ("train", "--env", faulty_env.register(), "--name", "a", *SMALL)
STEPS = 128  # of a training; before it one is taken to see whether the environment works

NAN = np.full(3, np.nan, np.float32)
ANYWHERE: dict[str, tuple[Callable[[], Any], str]] = {
    "raises": (raises, "RuntimeError: out of order"),
    "exits": (exits, "SystemExit"),
    "hangs": (hangs, "has not come back"),
    "hangs on": (hangs_on, "has not come back"),
}
RESET: dict[str, tuple[Callable[[], Any], str]] = {
    **ANYWHERE,
    "None": (gives(None), "gives None"),
    "old API": (gives(GOOD), "not (observation, info)"),
    "no info": (gives((GOOD, None)), "not (observation, info)"),
    "text": (gives(("abc", {})), "observation of str 'abc'"),
    "no observation": (gives((None, {})), "observation of None"),
    "complex": (gives((GOOD * 1j, {})), "observation of an array of complex"),
    "NaN": (gives((NAN, {})), "gives an observation that is nan"),
    "too large": (gives((np.full(3, 1e300), {})), "gives an observation that is inf"),
    "wrong shape": (gives((np.zeros(4), {})), "observation of shape (4,) but declares (3,)"),
    "one number": (gives((0.5, {})), "observation of shape () but declares (3,)"),
    "ragged": (gives(([[1], [1, 2]], {})), "observation of a list of 2"),
}
STEP: dict[str, tuple[Callable[[], Any], str]] = {
    **ANYWHERE,
    "None": (gives(None), "gives None"),
    "old API": (gives((GOOD, 1.0, False, {})), "gives a tuple of 4, not five values"),
    "six values": (gives((GOOD, 1.0, False, False, {}, 1)), "gives a tuple of 6"),
    "text": (gives(("abc", 1.0, False, False, {})), "observation of str 'abc'"),
    "broadcast": (gives((np.zeros(1), 1.0, False, False, {})), "shape (1,) but declares (3,)"),
    "one more axis": (gives((np.zeros((1, 3)), 1.0, False, False, {})), "shape (1, 3) but declares (3,)"),
    "NaN": (gives((NAN, 1.0, False, False, {})), "gives an observation that is nan"),
    "no reward": (gives((GOOD, None, False, False, {})), "a reward of None"),
    "reward of text": (gives((GOOD, "1.0", False, False, {})), "a reward of str '1.0'"),
    "complex reward": (gives((GOOD, 1j, False, False, {})), "a reward of complex 1j"),
    "two rewards": (gives((GOOD, [1.0, 2.0], False, False, {})), "a reward of a list of 2"),
    "NaN reward": (gives((GOOD, float("nan"), False, False, {})), "gives a reward that is nan"),
    "infinite reward": (gives((GOOD, float("-inf"), False, False, {})), "gives a reward that is -inf"),
    "no end": (gives((GOOD, 1.0, None, False, {})), "gives None for terminated"),
    "end of text": (gives((GOOD, 1.0, False, "no", {})), "gives str 'no' for truncated"),
}
PICTURE: dict[str, tuple[Callable[[], Any], str]] = {
    **ANYWHERE,
    "None": (gives(None), "NoneType"),
    "grey": (gives(np.zeros((16, 16), np.uint8)), "uint8 (16, 16)"),
    "channels first": (gives(np.zeros((3, 16, 16), np.uint8)), "uint8 (3, 16, 16)"),
    "with alpha": (gives(np.zeros((16, 16, 4), np.uint8)), "uint8 (16, 16, 4)"),
    "floats": (gives(np.zeros((16, 16, 3))), "float64 (16, 16, 3)"),
    "a list": (gives([np.zeros((16, 16, 3), np.uint8)]), "list"),
    "nothing in it": (gives(np.zeros((0, 16, 3), np.uint8)), "uint8 (0, 16, 3)"),
}


@pytest.fixture(autouse=True)
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that is in order."""
    monkeypatch.setattr(Faulty, "wrong", {})
    monkeypatch.setattr(Faulty, "since", 0)
    monkeypatch.setattr(Faulty, "steps_of_all", 0)
    monkeypatch.setattr(guard, "_never_close", set())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faulty")
    assert inside(*TRAIN, cwd=folder).code == 0
    return folder


def go_wrong(where: str, what: Callable[[], Any], since: int = 0) -> None:
    Faulty.wrong, Faulty.since, Faulty.steps_of_all = {where: what}, since, 0


def refused(result: Result, words: str) -> None:
    assert result.code == 2, result.stderr
    assert words in result.stderr and "AnyFault-v0" in result.stderr
    assert "bug" not in result.stderr and "diverged" not in result.stderr and "Traceback" not in result.stderr


CELLS = [("reset", name) for name in RESET] + [("step", name) for name in STEP]
CELLS += [("init", name) for name in ANYWHERE]
PLAYED = [*CELLS[:3], ("reset", "NaN"), *(("step", name) for name in ("raises", "exits", "hangs", "NaN"))]
PLAYING = ["eval a --episodes 2", "render a"]


@pytest.mark.parametrize(("where", "what"), CELLS)
def test_what_goes_wrong_at_once_leaves_nothing(where: str, what: str, tmp_path: Path) -> None:
    do, words = {"reset": RESET, "step": STEP, "init": ANYWHERE}[where][what]
    go_wrong(where, do)
    refused(inside(*TRAIN, "-q", cwd=tmp_path), words)
    assert runs_in(tmp_path) == []


@pytest.mark.parametrize("name", STEP)
def test_what_goes_wrong_in_training_ends_the_run_as_failed(name: str, tmp_path: Path) -> None:
    do, words = STEP[name]
    go_wrong("step", do, since=40)
    words = "became non-finite at step" if words.startswith("gives a") and " that is " in words else words
    refused(inside(*TRAIN, "-q", cwd=tmp_path), words)
    assert status(tmp_path) == "failed"


@pytest.mark.parametrize("num_evals", [1, 0])
@pytest.mark.parametrize("name", ["raises", "exits", "hangs", "broadcast", "NaN"])
def test_what_goes_wrong_in_an_evaluation_ends_the_run_as_failed(
    name: str, num_evals: int, tmp_path: Path
) -> None:
    do, words = STEP[name]
    go_wrong("step", do, since=1 + STEPS)
    refused(inside(*TRAIN, "-q", "--set", f"num_evals={num_evals}", cwd=tmp_path), words)
    assert status(tmp_path) == "failed"
    go_wrong("step", do, since=10**9)
    assert inside("train", "--resume", "a", cwd=tmp_path).code == 0, "nothing was lost"


@pytest.mark.parametrize("command", PLAYING)
@pytest.mark.parametrize(("where", "name"), PLAYED)
def test_what_goes_wrong_when_a_policy_is_played(
    command: str, where: str, name: str, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    before = files_in(tmp_path)
    do, words = {"reset": RESET, "step": STEP}[where][name]
    go_wrong(where, do)
    refused(inside(*command.split(), cwd=tmp_path), words)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("name", PICTURE)
def test_a_picture_that_is_none_is_refused(name: str, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    before = files_in(tmp_path)
    do, words = PICTURE[name]
    go_wrong("render", do)
    refused(inside("render", "a", cwd=tmp_path), words)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("name", ANYWHERE)
@pytest.mark.parametrize("command", [" ".join(TRAIN), *PLAYING, "export a --to card"])
def test_what_goes_wrong_in_closing_harms_nothing(
    name: str, command: str, trained: Path, tmp_path: Path
) -> None:
    if "train" not in command:
        shutil.copytree(trained / "runs", tmp_path / "runs")
    go_wrong("close", ANYWHERE[name][0])
    result = inside(*command.split(), cwd=tmp_path)
    assert result.code == 0, result.stderr


@pytest.mark.parametrize("command", [" ".join(TRAIN), *PLAYING])
def test_json_is_one_document_whatever_is_printed(command: str, trained: Path, tmp_path: Path) -> None:
    if "train" not in command:
        shutil.copytree(trained / "runs", tmp_path / "runs")
    Faulty.wrong = dict.fromkeys(("init", "reset", "step", "close"), prints)
    result = inside(*command.split(), "--json", cwd=tmp_path)
    assert result.code == 0 and json.loads(result.stdout)
    assert "hello from the environment" in result.stderr


@pytest.mark.parametrize("where", ["init", "reset"])
def test_the_working_directory_stays_where_it_is(where: str, tmp_path: Path) -> None:
    Faulty.wrong = {where: leaves_traces}
    errors = np.geterr()
    assert inside(*TRAIN, cwd=tmp_path).code == 0
    assert runs_in(tmp_path) == ["a"] and np.geterr() == errors


HUGE = 10**9
SPACES: dict[str, tuple[str, spaces.Space[Any], str]] = {
    "a billion values": ("observation_space", spaces.Discrete(HUGE), "1,000,000,000"),
    "many lists of values": ("observation_space", spaces.MultiDiscrete([HUGE, HUGE]), "2,000,000,000"),
    "a large vector": ("observation_space", spaces.Box(-1, 1, (100_000,), np.float16), "100,000"),
    "nothing to see": ("observation_space", spaces.Box(-1, 1, (0,), np.float32), "of 0 numbers"),
    "an empty mapping": ("observation_space", spaces.Dict({}), "of 0 numbers"),
    "no space": ("observation_space", None, "AnyFault-v0"),
    "a billion actions": ("action_space", spaces.Discrete(HUGE), "1,000,000,000"),
    "no numbers to choose": ("action_space", spaces.Box(-1, 1, (0,), np.float32), "of 0 numbers"),
    "whole numbers": ("action_space", spaces.Box(-1, 1, (2,), np.int64), "not supported"),
    "nothing to do": ("action_space", None, "AnyFault-v0"),
}


@pytest.mark.parametrize("name", SPACES)
def test_spaces_that_cannot_be_learned_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    which, space, words = SPACES[name]
    monkeypatch.setattr(Faulty, which, space)
    refused(inside(*TRAIN, cwd=tmp_path), words)
    refused(inside(*TRAIN, "--dry-run", cwd=tmp_path), words)
    assert runs_in(tmp_path) == []


def test_an_evaluation_ends_where_episodes_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppo_cli.play.evaluate.ENDLESS", 50)
    gym.register("Endless-v0", Faulty)
    Faulty.wrong = {"step": gives((GOOD, 1.0, False, False, {}))}
    try:
        result = inside("train", "--env", "Endless-v0", "--name", "a", *SMALL, cwd=tmp_path)
        assert result.code == 0 and "declares no time limit" in result.stderr
        evaluation = inside("eval", "a", "--episodes", "2", "--json", cwd=tmp_path).json
        assert (evaluation["cut"], evaluation["mean_length"]) == (2, 50)
        assert "2 of them cut off" in inside("eval", "a", "--episodes", "2", cwd=tmp_path).stdout
    finally:
        gym.registry.pop("Endless-v0")


@pytest.mark.parametrize("reward", [1, True, np.float32(1), np.array([1.0]), np.array(1)])
def test_numbers_of_any_kind_are_numbers(reward: Any, tmp_path: Path) -> None:
    end = np.bool_(Faulty.steps_of_all % 8 == 0)
    Faulty.wrong = {"step": lambda: ([0, 0, 0], reward, end, np.array(False), None)}
    assert inside(*TRAIN, "--set", "num_evals=0", cwd=tmp_path).code == 0


def status(folder: Path) -> str:
    summary = json.loads((folder / "runs" / "a" / "summary.json").read_text())
    assert summary["reason"]
    return str(summary["status"])


def files_in(folder: Path) -> list[str]:
    return sorted(os.path.relpath(path, folder) for path in folder.rglob("*"))
