"""An interval that goes beyond what an episode can pay is cut there, and it is said why."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cli_runner import TINY, Result, inside

TRAIN = ("train", *TINY, "--seeds", "2", "--set", "final_eval_episodes=1")
SAID = "goes beyond what an episode can pay and is cut to ["


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Result]]:
    """Two groups of two seeds: so few that Student's t allows returns below 0, which CartPole never pays."""
    folder = tmp_path_factory.mktemp("two")
    return folder, [inside(*TRAIN, "--name", name, *more, cwd=folder) for name, more in GROUPS.items()]


GROUPS = {"a": (), "b": ("--seed", "7", "--set", "learning_rate=0.01")}


def test_two_seeds_of_a_training(trained: tuple[Path, list[Result]]) -> None:
    for result in trained[1]:
        assert result.code == 0 and "mean over seeds: its 95 % interval [-" in result.stderr, result.stderr
        assert SAID in result.stderr and "2 seeds are too few" in result.stderr
        (row,) = [line for line in result.stdout.splitlines() if "mean over 2 seeds" in line]
        assert "[1, " in row


def test_groups_that_are_compared(trained: tuple[Path, list[Result]]) -> None:
    result = inside("compare", "a", "b", cwd=trained[0])
    assert result.stderr.count(SAID) == 2 and "warning: a: its 95 % interval [-" in result.stderr
    for group in inside("compare", "a", "b", "--json", cwd=trained[0]).json["groups"]:
        assert 1 <= group["ci95"][0] <= group["ci95"][1] <= 500


def test_points_of_a_sweep(tmp_path: Path) -> None:
    sweep = ("sweep", *TINY, "--param", "learning_rate=0.001,0.01", "--seeds", "2", "--confirm", "0")
    result = inside(*sweep, "--set", "final_eval_episodes=1", "--workers", "1", "--name", "s", cwd=tmp_path)
    text = " ".join(inside("show", "s", cwd=tmp_path).stdout.split())
    assert result.code == 0 and SAID in text and "2 seeds are too few" in text, text


def test_episodes_of_one_evaluation(trained: tuple[Path, list[Result]]) -> None:
    evaluation = inside("eval", "a-s1", "--episodes", "2", "--stochastic", "--json", cwd=trained[0]).json
    low, high = evaluation["ci95"]
    assert 1 <= low <= evaluation["mean"] <= high <= 500


def test_what_can_be_paid_is_not_cut(tmp_path: Path) -> None:
    result = inside(
        "train", *TINY[:-2], "--seeds", "2", "--set", "env_kwargs.max_episode_steps=5", cwd=tmp_path
    )
    assert result.code == 0 and "goes beyond" not in result.stderr
