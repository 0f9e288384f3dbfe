"""Every algorithm through the command line, from the first run to its export; and four in one sweep."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from helpers.cli_runner import Result, inside
from helpers.run_outcome import assert_same_outcome, outcome
from helpers.small_runs import play

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.learn.trainer import train
from ppo_cli.play.policy import load_policy
from ppo_cli.prepare.launch import prepare_new, prepare_resume

SETTINGS = (
    "num_envs=8", "num_steps=20", "num_minibatches=2", "hidden_sizes=[8]", "group_size=4", "num_evals=2",
    "eval_episodes=2", "final_eval_episodes=3", "env_kwargs={max_episode_steps: 20}",
)  # fmt: skip
ITERATION = 160
EVERY = ",".join(ALGORITHMS)


def settings(*algorithms: str) -> list[str]:
    chosen = [one for one in SETTINGS if "group_size" not in one or set(algorithms) == {"grpo"}]
    return [word for one in chosen for word in ("--set", one)]


def ok(*words: object, cwd: Path) -> Result:
    result = inside(*map(str, words), cwd=cwd)
    assert result.code == 0, result.stderr
    assert "Warning" not in result.stderr
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of three iterations of each algorithm, called as it is."""
    folder = tmp_path_factory.mktemp("algorithms")
    for name in ALGORITHMS:
        words = ["train", "--env", "CartPole-v1", "--set", f"algorithm={name}", *settings(name)]
        ok(*words, "--total-timesteps", 3 * ITERATION, "--name", name, cwd=folder)
    return folder


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_run_of_every_algorithm_can_be_evaluated_shown_drawn_and_gone_on_with(
    name: str, folder: Path, tmp_path: Path
) -> None:
    run = folder / "runs" / name
    assert ok("eval", run, "--episodes", 2, "--json", cwd=folder).json["episodes"] == 2
    assert ok("show", name, "--json", cwd=folder).json["algorithm"] == name
    ok("render", run, "-o", tmp_path / "film.gif", "--width", 60, cwd=folder)
    assert (tmp_path / "film.gif").stat().st_size > 500
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 and all(float(row["train/policy_loss"]) < 1e3 for row in rows)
    words = ["train", "--config", run / "config.yaml", "--runs-dir", tmp_path / "again", "--name", name]
    ok(*words, cwd=folder)
    again = tmp_path / "again" / name
    assert (again / "policy.safetensors").read_bytes() == (run / "policy.safetensors").read_bytes()
    ok("train", "--resume", again, "--total-timesteps", 4 * ITERATION, cwd=folder)
    assert json.loads((again / "summary.json").read_text())["global_step"] == 4 * ITERATION


def test_all_of_them_are_compared_and_listed(folder: Path) -> None:
    runs = [folder / "runs" / name for name in ALGORITHMS]
    document = ok("compare", *runs, "--json", cwd=folder).json
    assert [group["name"] for group in document["groups"]] == list(ALGORITHMS)
    assert {run["algorithm"] for run in ok("list", "--json", cwd=folder).json["runs"]} == set(ALGORITHMS)


def test_a_policy_without_a_critic_is_exported_and_says_the_same(folder: Path, tmp_path: Path) -> None:
    run, file = folder / "runs" / "grpo", tmp_path / "grpo_policy.py"
    ok("export", run, "--to", "numpy", "-o", file, cwd=folder)
    policy, exported = load_policy(run), runpy.run_path(str(file))
    obs = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    ours, _ = policy.predict(obs, deterministic=True)
    assert exported["predict"](obs).tolist() == ours.tolist()


def test_a_policy_without_a_critic_becomes_an_onnx_model(folder: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    ok("export", folder / "runs" / "grpo", "--to", "onnx", "-o", tmp_path / "grpo.onnx", cwd=folder)
    model = onnx.load(tmp_path / "grpo.onnx")
    onnx.checker.check_model(model)
    assert not [one.name for one in model.graph.initializer if "critic" in one.name]


# ---------------------------------------------------------------------- sweeps


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs directory of a sweep over the algorithms."""
    folder = tmp_path_factory.mktemp("sweep")
    words = ["sweep", "--env", "CartPole-v1", "--param", f"algorithm={EVERY}", *settings(), "--seeds", 2]
    words += ["--workers", 2, "--quiet", "--confirm", 0, "--name", "all", "--total-timesteps", 3 * ITERATION]
    ok(*words, cwd=folder)
    return folder


def test_one_sweep_trains_all_algorithms_each_by_its_tuned_settings(sweep: Path) -> None:
    document = ok("show", "all", "--json", cwd=sweep).json
    assert [point["point"]["algorithm"] for point in document["points"]] == list(ALGORITHMS)
    assert all(len(point["returns"]) == 2 for point in document["points"])
    assert all(point["failed"] == point["missing"] == 0 for point in document["points"])


def test_a_point_of_a_sweep_over_algorithms_is_trained_again(sweep: Path, tmp_path: Path) -> None:
    words = ["train", "--from-sweep", "runs/all", "--point", "algorithm=grpo", "--json"]
    (run,) = ok(*words, "--runs-dir", tmp_path, cwd=sweep).json["runs"]
    twin = sweep / "runs" / "all" / "algorithm=grpo-s1"
    assert (
        Path(run["run_dir"], "policy.safetensors").read_bytes() == (twin / "policy.safetensors").read_bytes()
    )


def test_stopped_runs_of_different_algorithms_are_resumed_by_one_command(
    folder: Path, tmp_path: Path
) -> None:
    from ppo_cli.config.resolve import load_config

    configs = [load_config(folder / "runs" / name / "config.yaml") for name in ALGORITHMS]
    runs = []
    for name, config in zip(ALGORITHMS, configs, strict=True):
        prepare_new([config], runs_dir=tmp_path / name, name=None, env_requested="", command="")
        (run,) = (tmp_path / name).iterdir()
        (ready,) = prepare_resume([str(run)], runs_dir=tmp_path, total_timesteps=None)
        play(train(ready, until=1))
        runs.append(run)
    ok("train", *(word for run in runs for word in ("--resume", run)), cwd=tmp_path)
    for run, name in zip(runs, ALGORITHMS, strict=True):
        assert_same_outcome(run, outcome(folder / "runs" / name))
