"""Every algorithm through the command line, from the first run to its export; and four in one sweep."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers.cli_runner import Result, inside, ppo, runs_in
from helpers.run_outcome import assert_same_outcome, outcome
from helpers.small_runs import play

from ppo_cli.config.algorithms import ALGORITHMS, uses
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
    """The small settings that all of some algorithms use."""
    chosen = [one for one in SETTINGS if all(uses(name, one.partition("=")[0]) for name in algorithms)]
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
    words = [
        "sweep",
        "--env",
        "CartPole-v1",
        "--param",
        f"algorithm={EVERY}",
        *settings(*ALGORITHMS),
        "--seeds",
        2,
    ]
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


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_config_shows_what_the_algorithm_uses_and_loads_back(algorithm: str, tmp_path: Path) -> None:
    words = ("config", "--env", "CartPole-v1", "--set", f"algorithm={algorithm}")
    text = inside(*words, cwd=tmp_path).stdout
    specific = {name for facts in ALGORITHMS.values() for name in facts.settings}
    own = set(ALGORITHMS[algorithm].settings)
    assert set(yaml.safe_load(text)["learning"]) & specific == own
    (tmp_path / "mine.yaml").write_text(text)
    assert inside("config", "--config", "mine.yaml", cwd=tmp_path).stdout == text
    for more in (words, ("train", *words[1:], "--dry-run")):
        document = inside(*more, "--json", cwd=tmp_path).json
        assert set(document["config"]["learning"]) & specific == own
        origins = {path.rpartition(".")[2] for path in document.get("origins", ())}
        assert origins & specific in (own, set())


def test_algorithms_explains_each_with_its_formula_paper_and_settings(tmp_path: Path) -> None:
    documents = inside("algorithms", "--json", cwd=tmp_path).json["algorithms"]
    assert [document["name"] for document in documents] == list(ALGORITHMS)
    for document, facts in zip(documents, ALGORITHMS.values(), strict=True):
        texts = (document["summary"], document["formula"], document["paper"])
        assert texts == (facts.summary, facts.formula, facts.paper)
        assert {setting["name"] for setting in document["settings"]} == set(facts.settings)
        assert all(setting["help"] and "default" in setting for setting in document["settings"])
        assert document["whole_episodes"] == facts.whole_episodes
    shown = " ".join(ppo("algorithms", cwd=tmp_path).stdout.split())
    assert all(document["formula"] in shown for document in documents)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--algorithm", "ppo-kl", "--set", "eps_clip=0.2"),
            "eps_clip is not used by ppo-kl; it has",
        ),
        (("--algorithm", "grpo", "--set", "num_steps=100"), "grpo learns from whole episodes"),
        (("--algorithm", "grpo", "--set", "env_kwargs.max_episode_steps=-1"), "has no time limit"),
        (("--set", "policy=CnnPolicy"), "image policies are out of scope"),
    ],
)
def test_what_an_algorithm_cannot_use_is_refused_before_anything_is_written(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    result = inside("train", "--env", "CartPole-v1", *words, "--json", cwd=tmp_path)
    error = result.json["error"]
    assert result.code == 2 and said in f"{error['message']} {error['hint']}"
    assert runs_in(tmp_path) == []


def test_a_short_num_steps_of_a_file_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("algorithm: reinforce\nenv_id: CartPole-v1\nnum_steps: 99\n")
    result = inside("train", "--config", "mine.yaml", "--json", cwd=tmp_path)
    error = result.json["error"]
    assert result.code == 2 and "takes up to 500 steps" in error["message"]
    assert (error["file"], error["line"], error["key"]) == ("mine.yaml", 3, "rollout.num_steps")
    assert error["hint"] == "set num_steps to 500 or more"


def test_an_algorithm_without_tuned_settings_says_what_it_takes_instead(tmp_path: Path) -> None:
    words = ("train", "--env", "MountainCar-v0", "--algorithm", "reinforce", "--dry-run", "--json")
    document = inside(*words, cwd=tmp_path).json
    assert document["notices"] == [
        "no tuned settings for reinforce on MountainCar-v0; using those of ppo-clip where they apply",
        "num_steps is 200, the longest episode of MountainCar-v0: reinforce learns from whole episodes",
    ]
    assert document["config"]["rollout"]["num_steps"] == 200
    assert document["config"]["learning"]["learning_rate"] == 1e-3
    longer = (*words, "--set", "num_steps=300")
    assert inside(*longer, cwd=tmp_path).json["config"]["rollout"]["num_steps"] == 300


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_environment_can_be_trained_by_every_algorithm(algorithm: str) -> None:
    from ppo_cli.config.shipped import shipped_configs
    from ppo_cli.envs.registry import known_envs
    from ppo_cli.prepare.resolve import resolve_settings

    assert {env.env_id for env in known_envs()} <= set(shipped_configs())
    for env in known_envs():
        settings = resolve_settings(env.env_id, None, values={"algorithm": algorithm})
        tuned = env.env_id in shipped_configs(algorithm)
        assert any("no tuned settings" in notice for notice in settings.notices) is not tuned
        if ALGORITHMS[algorithm].whole_episodes:
            assert settings.config.rollout.num_steps >= (env.max_episode_steps or 0)


def test_every_algorithm_named_in_help_exists(tmp_path: Path) -> None:
    for command in ("train", "sweep"):
        text = " ".join(inside(command, "--help", cwd=tmp_path).stdout.split())
        assert f"{', '.join([*ALGORITHMS][:-1])} or {[*ALGORITHMS][-1]}" in text
