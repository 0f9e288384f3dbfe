"""``ppo_cli.evaluate``: what ``ppo eval`` does, called from Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cli_runner import NAME, TINY, inside

from ppo_cli import evaluate, load_runs
from ppo_cli.errors import UsageError


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    assert inside("train", *TINY, cwd=folder).code == 0
    return folder


@pytest.mark.parametrize("episodes", [1, 4])
def test_the_function_and_the_command_give_equal_documents(
    trained: Path, episodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--episodes", str(episodes), "--seed", "3", "--stochastic", "--json")
    typed = inside("eval", NAME, *words, cwd=trained).json
    monkeypatch.chdir(trained)
    for ref in (NAME, Path("runs") / NAME, load_runs(NAME)[0]):
        assert evaluate(ref, episodes=episodes, seed=3, stochastic=True) == typed
    assert (typed["episodes"], typed["seed"], typed["deterministic"]) == (episodes, 3, False)


def test_what_is_no_run_is_refused(trained: Path) -> None:
    with pytest.raises(UsageError, match="nothing"):
        evaluate("nothing", runs_dir=trained / "runs")
    with pytest.raises(UsageError, match="0 episodes"):
        evaluate(NAME, episodes=0, runs_dir=trained / "runs")
