"""``results.csv`` and ``summary.json``."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.sweep_helpers import (
    FAULTY,
    QUICK,
    RATES,
    Reference,
    runner_of,
    sweep,
    tiny_spec,
)

from ppo_cli.sweeps.results.summary import write_summary
from ppo_cli.sweeps.results.sweep_results import read_sweep
from ppo_cli.sweeps.spec.params import parse_param
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec


def test_results_csv_has_a_row_for_each_run_with_the_swept_values_in_columns(tmp_path: Path) -> None:
    params = ("hidden_sizes=8x8", "env_kwargs.fault=no,nan", "target_kl=null,0.1")
    done = sweep(tiny_spec(*params, env_id=FAULTY, num_seeds=1, base=QUICK), tmp_path)
    with (done.folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "hidden_sizes", "env_kwargs.fault", "target_kl", "seed", "status", "eval_mean", "eval_std",
        "eval_episodes", "global_step", "wall_time", "reason", "run",
    ]  # fmt: skip
    assert [row["run"] for row in rows] == list(done.statuses)
    assert [row["status"] for row in rows] == ["completed", "completed", "failed", "failed"]
    assert [(row["hidden_sizes"], row["env_kwargs.fault"], row["target_kl"]) for row in rows[:2]] == [
        ("[8, 8]", "no", ""), ("[8, 8]", "no", "0.1"),
    ]  # fmt: skip
    summary = json.loads((done.folder / rows[0]["run"] / "summary.json").read_text())
    assert float(rows[0]["eval_mean"]) == summary["eval"]["mean"] and rows[0]["eval_episodes"] == "3"
    assert rows[2]["eval_mean"] == "" and "non-finite" in rows[2]["reason"] and rows[0]["reason"] == ""


def test_the_summary_has_the_promised_keys_and_is_what_the_folders_say(undisturbed: Reference) -> None:
    folder = undisturbed.swept.runner.folder
    document = json.loads(folder.summary_path.read_text())
    keys = {"sweep_dir", "runs", "points", "best", "failed", "sentence", "objective", "status"}
    assert keys <= set(document)
    run_keys = {
        "run_dir", "env_id", "algorithm", "seed", "status", "global_step", "wall_time",
        "steps_per_second", "eval",
    }  # fmt: skip
    assert all(run_keys | {"point"} <= set(run) for run in document["runs"]) and len(document["runs"]) == 4
    assert all({"mean", "std", "ci95", "episodes"} <= set(run["eval"]) for run in document["runs"])
    for point in document["points"]:
        assert {"point", "n_seeds", "mean", "ci95", "iqm", "failed", "steps", "wall_time"} <= set(point)
        own = [run["eval"]["mean"] for run in document["runs"] if run["point"] == point["point"]]
        assert point["returns"] == own and point["mean"] == pytest.approx(sum(own) / 2)
        assert point["ci95"][0] <= point["mean"] <= point["ci95"][1] and point["steps"] == 640
    assert document["best"]["mean"] == max(point["mean"] for point in document["points"])
    assert [point.to_json() for point in read_sweep(folder).points()] == document["points"]


def test_a_summary_says_what_is_missing(tmp_path: Path) -> None:
    runner = runner_of(tiny_spec(RATES), tmp_path)
    runner.missing()
    write_summary(runner.results())
    document = json.loads(runner.folder.summary_path.read_text())
    assert document["status"] == "incomplete" and document["best"] is None and document["failed"] == []
    assert [point["missing"] for point in document["points"]] == [2, 2]
    assert [run["status"] for run in document["runs"]] == ["waiting"] * 4
    assert document["points"][0]["mean"] is None


def test_environments_are_not_compared_with_each_other(tmp_path: Path) -> None:
    envs = ("CartPole-v1", "Acrobot-v1")
    bases = tuple(tiny_spec("eps_clip", env_id=env, base=QUICK).base for env in envs)
    fields: dict[str, Any] = {"num_seeds": 1, "confirm": 2}
    spec = SweepSpec(bases, ",".join(envs), (parse_param("env_id=CartPole-v1,Acrobot-v1"),), **fields)
    done = sweep(spec, tmp_path)
    document = done.summary()
    assert document["best"] is None and "not compared" in document["sentence"]
    assert [run["env_id"] for run in document["runs"]] == ["CartPole-v1", "Acrobot-v1"]
    assert not done.runner.folder.held_out.path.exists()
