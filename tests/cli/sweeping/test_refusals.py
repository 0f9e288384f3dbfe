"""What ``ppo sweep`` refuses before there is a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.sweep_commands import CARTPOLE, one_line
from helpers.sweep_helpers import InProcess

from ppo_cli.sweeps.spec.sweep_spec import SweepSpec

WRONG = [
    (("--param", "eps_clop"), "did you mean eps_clip"),
    (("--param", "clip_range=0.1,0.2"), "did you mean eps_clip"),
    (("--param", "lr=1e-3,1e-2"), "did you mean learning_rate"),
    (("--param", "eps_clip="), "eps_clip"),
    (("--param", "eps_clip=0.1,-1"), "-1 is not allowed"),
    (("--param", "eps_clip=0.1,0.1"), "is given twice"),
    (("--param", "eps_clip", "--param", "eps_clip=0.1"), "is given twice"),
    (("--param", "gamma=0.9,x"), "x"),
    (("--param", "gamma=0.9..0.99"), "gamma=0.9..0.99:5 takes five"),
    (("--param", "seed=1,2"), "use --seeds"),
    (("--param", "num_evals=1,2"), "judged differently"),
    (("--param", "num_threads=1,2"), "does not change results"),
    (("--param", "num_steps=16,17", "--set", "num_minibatches=4"), "at num_steps = 17: "),
    (("--param", "env_kwargs.nope=1,2"), "at env_kwargs.nope = 1: env_kwargs: CartPole-v1 refuses nope=1"),
    (("--param", "distance=0,50"), "changes no reward while reward_shaping.mode is off"),
    (("--param", "eps_clip=0.1,0.2", "--param", "gamma=0.9", "--zip"), "eps_clip has 2, gamma has 1"),
    (("--param", "eps_clip", "--trials", "3"), "a grid has no trials"),
    (("--param", "gamma=0.9..0.99", "--search", "random"), "such as --trials 20"),
    (("--param", "gamma=0.9..0.99", "--search", "bayes", "--trials", "3"), "bayes"),
    (("--param", "eps_clip=0.1,0.2", "--prune"), "too few for that"),
    (("--param", "eps_clip", "--prune", "--set", "num_evals=1"), "num_evals is 1"),
    (("--param", "eps_clip", "--set", "final_eval_episodes=0"), "final_eval_episodes"),
    (("--param", "eps_clip", "--executor", "cloud"), "local or ray"),
    (("--param", "eps_clip", "--name", "a/b"), "a/b"),
    (("--param", "eps_clip", "--set", "gama=0.9"), "did you mean gamma"),
    (("missing.yaml",), "missing.yaml"),
    ((), "nothing to sweep"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_input_is_refused_before_there_is_a_folder(
    words: tuple[str, ...], message: str, tmp_path: Path, executors: list[InProcess]
) -> None:
    result = inside(*CARTPOLE, *words, cwd=tmp_path)
    assert result.code == 2 and message in one_line(result.stderr)
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert executors == [] and list(tmp_path.iterdir()) == []
    error = inside(*CARTPOLE, *words, "--json", cwd=tmp_path).json["error"]
    assert message in one_line(f"{error['message']} {error.get('hint')}")


def test_a_grid_of_a_million_points_is_refused_before_its_points_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranges = [f"{name}=0.1..0.9:100" for name in ("eps_clip", "gamma", "gae_lambda")]
    monkeypatch.setattr(SweepSpec, "points", lambda self: pytest.fail("they are made"))
    result = inside(*CARTPOLE, *[word for text in ranges for word in ("--param", text)], cwd=tmp_path)
    assert result.code == 2 and "a grid of 1,000,000 points × 2 seeds" in one_line(result.stderr)
    assert "most is 10,000 runs" in one_line(result.stderr) and list(tmp_path.iterdir()) == []


def test_an_unknown_environment_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    result = inside("sweep", "--env", "CartPol-v1", "--param", "eps_clip", cwd=tmp_path)
    assert result.code == 2 and "CartPole-v1" in result.stderr and list(tmp_path.iterdir()) == []


def test_a_search_without_optuna_is_refused_before_there_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    words = ("--param", "gamma=0.9..0.99", "--search", "random", "--trials", "3")
    for more in ((), ("--dry-run",), ("--quiet",)):
        result = inside(*CARTPOLE, *words, *more, cwd=tmp_path)
        assert result.code == 2 and "pip install 'ppo-cli[search]'" in one_line(result.stderr)
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_one_algorithm_lacks_is_refused_before_anything_starts(tmp_path: Path) -> None:
    words = ("sweep", "--env", "CartPole-v1", "--param", "algorithm", "--param", "eps_clip", "--json")
    result = inside(*words, cwd=tmp_path)
    assert result.code == 2 and "eps_clip is not used by ppo-kl" in result.json["error"]["message"]
    assert not (tmp_path / "runs").exists()
