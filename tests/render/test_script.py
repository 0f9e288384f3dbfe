"""Which episodes a film shows."""

from __future__ import annotations

from pathlib import Path

from helpers.cli_runner import inside
from helpers.render_helpers import (
    rendered,
)

NAME = "CartPole-v1-ppo-clip-s1"


def test_the_episodes_are_those_of_eval(cartpole: Path) -> None:
    document = inside("eval", NAME, "--episodes", "4", "--seed", "7", "--json", cwd=cartpole).json
    shown = rendered(NAME, "--episodes", "4", "--seed", "7", cwd=cartpole)["episodes"]
    assert [episode["return"] for episode in shown] == document["returns"]
    assert len({episode["seed"] for episode in shown}) == 4


def test_the_best_the_worst_and_the_median_are_found(cartpole: Path) -> None:
    evaluation = inside("eval", NAME, "--episodes", "9", "--json", cwd=cartpole).json
    returns = sorted(evaluation["returns"])
    assert returns[0] < returns[4] < returns[8], "else this test shows nothing"

    def shown(pick: str, *options: str) -> list[float]:
        args = ("--pick", pick, "--of", "9", "--force", *options)
        return [episode["return"] for episode in rendered(NAME, *args, cwd=cartpole)["episodes"]]

    assert shown("worst") == returns[:1] and shown("median") == [returns[4]] and shown("best") == returns[8:]
    assert shown("best", "--episodes", "2") == [returns[8], returns[7]]
