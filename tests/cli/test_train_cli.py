"""``ppo train``: results, progress, names, consent, and going on with a run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.cli_runner import NAME, RUN_KEYS, TINY, damaged_copy, environment, inside, ppo, runs_in


def test_train_prints_results_on_stdout_and_progress_on_stderr(tmp_path: Path) -> None:
    result = ppo("train", *TINY, cwd=tmp_path)
    assert result.code == 0
    assert NAME in result.stdout and "completed" in result.stdout and f"runs/{NAME}" in result.stdout
    assert "100%" in result.stderr and "100%" not in result.stdout
    for command in (f"ppo eval runs/{NAME}", f"ppo show runs/{NAME}", f"ppo train --resume runs/{NAME}"):
        assert command in result.stderr


def test_train_as_json_is_one_document_with_the_promised_keys(tmp_path: Path) -> None:
    result = ppo("train", *TINY, "--seeds", "2", "--json", cwd=tmp_path)
    assert result.code == 0
    runs = result.json["runs"]
    assert [run["seed"] for run in runs] == [1, 2]
    assert all(set(run) >= RUN_KEYS and run["status"] == "completed" for run in runs)
    assert all({"mean", "std", "ci95", "episodes"} <= set(run["eval"]) for run in runs)
    assert runs[0]["eval"]["episodes"] == 3 and runs[0]["global_step"] == 128


def test_a_disk_that_fills_up_ends_with_74_and_the_command_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ppo_cli.errors import StorageError

    def full(*args: object, **options: object) -> None:
        raise StorageError("cannot write x: No space left on device", hint="Free some space.")

    monkeypatch.setattr("ppo_cli.learn.trainer.train_iteration", full)
    result = inside("train", *TINY, cwd=tmp_path)
    assert result.code == 74
    go_on = "hint: Free some space. Then go on: ppo train --resume"
    assert f"{go_on} runs/{NAME}\n" in result.stderr


def test_quiet_says_nothing_on_stderr(tmp_path: Path) -> None:
    result = inside("train", *TINY, "--quiet", cwd=tmp_path)
    assert result.code == 0 and result.stderr == "" and NAME in result.stdout


def test_several_seeds_end_with_their_mean(trained: Path, tmp_path: Path) -> None:
    result = inside("train", *TINY, "--seeds", "2", "--seed", "5", "--name", "study", cwd=tmp_path)
    assert "mean over 2 seeds" in result.stdout
    assert runs_in(tmp_path)[-2:] == ["study-s5", "study-s6"]


def test_a_retired_environment_is_announced_once_and_both_ids_are_recorded(tmp_path: Path) -> None:
    args = [*TINY[2:], "--set", "num_evals=0", "--set", "final_eval_episodes=1"]
    result = inside("train", "--env", "Pendulum-v0", *args, "--json", cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert result.stderr.count("running Pendulum-v1") == 1
    (run,) = result.json["runs"]
    assert (run["env_id"], run["env_id_requested"]) == ("Pendulum-v1", "Pendulum-v0")


def test_a_dry_run_prints_loadable_settings_and_makes_no_folder(tmp_path: Path) -> None:
    result = inside("train", *TINY, "--seeds", "3", "--dry-run", cwd=tmp_path)
    assert result.code == 0
    assert yaml.safe_load(result.stdout)["total_timesteps"] == 128
    assert "3 run(s)" in result.stderr and NAME in result.stderr
    document = inside("train", *TINY, "--dry-run", "--json", cwd=tmp_path).json
    assert document["iterations"] == 2 and document["total_timesteps"] == 128 and document["disk_bytes"] > 0
    assert list(tmp_path.iterdir()) == []


def test_the_runs_folder_comes_from_the_option_or_the_environment(tmp_path: Path) -> None:
    assert ppo("train", *TINY, "--runs-dir", "elsewhere", cwd=tmp_path).code == 0
    assert (tmp_path / "elsewhere" / NAME / "summary.json").exists()
    listed = ppo("list", "--json", cwd=tmp_path, env=environment(PPO_RUNS_DIR="elsewhere")).json
    assert [run["run_dir"] for run in listed["runs"]] == [f"elsewhere/{NAME}"]


def test_a_finished_run_is_extended(tmp_path: Path) -> None:
    inside("train", *TINY, cwd=tmp_path)
    assert inside("train", "--resume", "latest", cwd=tmp_path).code == 2
    result = inside("train", "--resume", "latest", "--total-timesteps", "256", "--json", cwd=tmp_path)
    assert result.code == 0
    assert result.json["runs"][0]["global_step"] == 256
    shorter = inside("train", "--resume", "latest", "--total-timesteps", "192", cwd=tmp_path)
    assert shorter.code == 2 and "extends" in shorter.stderr and "256" in shorter.stderr


def test_a_run_that_is_named_twice_is_resumed_once(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        assert inside("train", *TINY, "--name", "same", "--runs-dir", folder, cwd=tmp_path).code == 0
    refs = [word for ref in ("a/same", "./a/same", "b/same") for word in ("--resume", ref)]
    longer = ("--total-timesteps", "192", "--json")
    result = inside("train", *refs, *longer, cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert [run["run_dir"] for run in result.json["runs"]] == ["a/same", "b/same"]
    assert all(run["global_step"] == 192 for run in result.json["runs"])


def test_a_warning_is_shown_before_training_starts_and_when_quiet_too(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = damaged_copy(trained, tmp_path)
    summary = folder / "runs" / NAME / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"versions": {"torch": "0.1"}}))
    told_before: list[str] = []

    def listen(*args: Any) -> bool:
        told_before.append(sys.stderr.getvalue())  # type: ignore[attr-defined]
        return train_iteration(*args)

    from ppo_cli.learn.trainer import train_iteration

    monkeypatch.setattr("ppo_cli.learn.trainer.train_iteration", listen)
    words = ("--resume", NAME, "--total-timesteps", "192")
    result = inside("train", *words, "--quiet", cwd=folder)
    assert result.code == 0, result.stderr
    assert result.stderr.count("not bit for bit") == 1 and "192" not in result.stderr
    assert "not bit for bit" in told_before[0]


def test_a_module_from_a_file_is_imported_only_with_consent(tmp_path: Path) -> None:
    (tmp_path / "spy.py").write_text(
        "open('imported', 'w').close()\nimport gymnasium as gym\n"
        "gym.register('Spy-v0', 'gymnasium.envs.classic_control:CartPoleEnv', max_episode_steps=20)\n"
    )
    (tmp_path / "spy.yaml").write_text("env_id: spy:Spy-v0\n")
    args = ["train", "--config", "spy.yaml", *TINY[2:]]
    refused = ppo(*args, cwd=tmp_path)
    assert refused.code == 2 and "--allow-import" in refused.stderr
    assert not (tmp_path / "imported").exists() and runs_in(tmp_path) == []
    assert ppo(*args, "--allow-import", cwd=tmp_path).code == 0
    (tmp_path / "imported").unlink()
    (tmp_path / "runs").rename(tmp_path / "sent")
    for command in (["eval", "latest"], ["train", "--resume", "latest", "--total-timesteps", "256"]):
        assert ppo(*command, "--runs-dir", "sent", cwd=tmp_path).code == 2
        assert not (tmp_path / "imported").exists()
    (tmp_path / "sent").rename(tmp_path / "runs")
    assert ppo("eval", "latest", "--episodes", "2", "--allow-import", cwd=tmp_path).code == 0
    assert ppo("train", "--env", "spy:Spy-v0", *TINY[2:], cwd=tmp_path).code == 0, "typing it is consent"
