"""``ppo eval``, ``list`` and ``show``: what runs came to, those that are damaged too."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from helpers.cli_runner import NAME, RUN_KEYS, damaged_copy, inside

HUGE = 10**400  # JSON can hold it, a float cannot


def test_eval_reports_the_promised_keys(trained: Path) -> None:
    document = inside("eval", NAME, "--episodes", "5", "--json", cwd=trained).json
    keys = {"run_dir", "env_id", "episodes", "mean", "std", "ci95", "min", "max", "mean_length", "returns"}
    assert keys <= set(document)
    assert len(document["returns"]) == document["episodes"] == 5
    assert math.isclose(document["mean"], sum(document["returns"]) / 5)


def test_eval_repeats_itself_and_follows_its_seed(trained: Path) -> None:
    def returns(*args: str) -> list[float]:
        found: list[float] = inside("eval", NAME, "--episodes", "8", "--json", *args, cwd=trained).json[
            "returns"
        ]
        return found

    assert returns() == returns()
    assert returns() != returns("--seed", "9")
    assert returns("--stochastic") == returns("--stochastic") != returns()


def test_one_episode_has_no_interval_and_that_is_null(trained: Path) -> None:
    document = inside("eval", NAME, "--episodes", "1", "--json", cwd=trained).json
    assert document["ci95"] == [None, None]
    assert inside("eval", NAME, "--episodes", "1", cwd=trained).code == 0


def test_list_shows_the_runs(trained: Path) -> None:
    text = inside("list", cwd=trained).stdout
    assert NAME in text and "CartPole-v1-ppo-clip-s2" in text and "completed" in text
    document = inside("list", "--json", cwd=trained).json
    assert document["sweeps"] == []
    assert [run["run_dir"] for run in document["runs"]] == [f"runs/{NAME}", "runs/CartPole-v1-ppo-clip-s2"]
    assert all(run.keys() >= RUN_KEYS for run in document["runs"])


def test_an_empty_runs_folder_is_said_on_stderr(tmp_path: Path) -> None:
    result = inside("list", cwd=tmp_path)
    assert (result.code, result.stdout) == (0, "") and "ppo train" in result.stderr
    assert inside("list", "--json", cwd=tmp_path).json == {"runs": [], "sweeps": [], "preferences": []}


def test_list_shows_damaged_and_unfinished_runs_beside_the_others(trained: Path, tmp_path: Path) -> None:
    folder = damaged_copy(trained, tmp_path, summary_json="{")
    (folder / "runs" / "CartPole-v1-ppo-clip-s2" / "summary.json").unlink()
    statuses = [run["status"] for run in inside("list", "--json", cwd=folder).json["runs"]]
    assert statuses == ["unreadable", "unfinished"]
    assert inside("list", cwd=folder).code == 0


@pytest.mark.parametrize(
    "summary",
    [
        '{"global_step": "abc", "eval": "x", "wall_time": [], "best_eval_during_training": {}}',
        '{"status": ["x"], "eval": {"mean": 1.0, "ci95": 5}, "steps_per_second": "fast", "seed": {}}',
        json.dumps({"global_step": HUGE, "wall_time": HUGE, "eval": {"mean": HUGE, "episodes": HUGE}}),
        '{"global_step": true, "eval": [1, 2], "best_eval_during_training": NaN, "reason": [1]}',
    ],
)
def test_a_summary_of_wrong_types_is_listed_and_shown(summary: str, trained: Path, tmp_path: Path) -> None:
    folder = damaged_copy(trained, tmp_path, summary_json=summary)
    for command in (("list",), ("show", NAME)):
        assert NAME in inside(*command, cwd=folder).stdout
        assert inside(*command, "--json", cwd=folder).code == 0


def test_a_run_that_was_killed_is_interrupted_and_one_that_trains_is_not(
    trained: Path, tmp_path: Path
) -> None:
    from ppo_cli.runs.run_dir import RunDir

    folder = damaged_copy(trained, tmp_path)
    run = RunDir(folder / "runs" / NAME)
    run.write_summary((run.read_summary() or {}) | {"status": "training"})
    assert inside("show", NAME, "--json", cwd=folder).json["status"] == "interrupted"
    assert "interrupted" in inside("list", cwd=folder).stdout
    with run.lock():
        assert inside("show", NAME, "--json", cwd=folder).json["status"] == "training"


def test_a_damaged_config_is_exit_code_5(trained: Path, tmp_path: Path) -> None:
    folder = damaged_copy(trained, tmp_path, config_yaml="gamma: [")
    for command in (["show", NAME], ["eval", NAME], ["train", "--resume", NAME]):
        result = inside(*command, cwd=folder)
        assert result.code == 5 and "config.yaml" in result.stderr and "Traceback" not in result.stderr


def test_a_damaged_policy_is_exit_code_5(trained: Path, tmp_path: Path) -> None:
    folder = damaged_copy(trained, tmp_path)
    policy = folder / "runs" / NAME / "policy.safetensors"
    data = bytearray(policy.read_bytes())
    data[-5] ^= 1
    policy.write_bytes(data)
    result = inside("eval", NAME, "--episodes", "1", "--json", cwd=folder)
    assert result.code == 5 and "policy.safetensors" in result.json["error"]["message"]


def test_show_tells_what_differs_and_what_is_there(trained: Path) -> None:
    text = inside("show", "latest", cwd=trained).stdout
    for part in (
        "completed",
        "rollout.num_envs",
        "metrics.csv",
        "policy.safetensors",
        "ppo train --env CartPole-v1",
    ):
        assert part in text, part
    document = inside("show", NAME, "--json", cwd=trained).json
    assert document["differs_from_default"]["rollout.num_envs"] == 2
    assert "learning.vf_coef" not in document["differs_from_default"]
    assert {"config.yaml", "summary.json", "checkpoints/"} <= {file["name"] for file in document["files"]}
