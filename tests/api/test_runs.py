"""``ppo_cli.load_runs``: runs as their folders tell them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.cli_runner import NAME, TINY, inside
from helpers.run_folders import STEPS, make_group, make_run, make_sweep

from ppo_cli import load_runs
from ppo_cli.errors import CorruptFileError, UsageError


def names(*refs: str | Path) -> list[str]:
    return [run.name for run in load_runs(*refs)]


def test_runs_are_meant_as_the_commands_mean_them_and_each_counts_once(runs_dir: Path) -> None:
    make_group(runs_dir, "a", [1.0, 2.0])
    make_run(runs_dir, "b-s1")
    make_sweep(runs_dir, "study", {"eps_clip=0.1": [1.0], "eps_clip=0.2": [2.0]})
    assert names() == ["a-s1", "a-s2", "b-s1"]
    assert names("runs/*") == ["a-s1", "a-s2", "b-s1"]
    assert names("a", "runs/a-s2", Path("runs") / "b-s1") == ["a-s1", "a-s2", "b-s1"]
    assert names("study") == ["eps_clip=0.1-s1", "eps_clip=0.2-s1"]
    assert names("study/eps_clip=0.2") == ["eps_clip=0.2-s1"]
    with pytest.raises(UsageError, match="nothing"):
        load_runs("nothing")


def test_a_run_has_its_settings_logs_and_results(runs_dir: Path) -> None:
    make_run(runs_dir, "a-s3", 50.0, settings={"gamma": 0.9}, curve=[1.0, 2.0, 3.0, 4.0, 5.0])
    (run,) = load_runs("a-s3")
    assert run.config.learning.gamma == 0.9 and run.config.seed == 3
    assert run.summary["status"] == "completed" and run.summary["eval"]["mean"] == 50.0
    assert run.metrics["global_step"].tolist() == list(STEPS)
    assert run.evaluations["mean"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert os.fspath(run) == "runs/a-s3"


def test_logs_that_are_not_there_yet_are_empty_and_missing_numbers_are_nan(runs_dir: Path) -> None:
    path = make_run(runs_dir, "a-s1")
    (path / "eval.csv").unlink()
    (path / "metrics.csv").write_text("global_step,train/approx_kl\n1,\n2,0.5\n3,0.")
    (run,) = load_runs("a-s1")
    assert run.evaluations == {}
    np.testing.assert_array_equal(run.metrics["train/approx_kl"], [np.nan, 0.5])


def test_a_damaged_run_is_told_where_it_is_read(runs_dir: Path) -> None:
    path = make_run(runs_dir, "a-s1")
    (path / "config.yaml").write_text("gamma: [")
    (path / "summary.json").write_text("{")
    (run,) = load_runs("a-s1")
    assert run.summary["status"] == "unreadable"
    with pytest.raises(CorruptFileError, match=r"config\.yaml is damaged"):
        _ = run.config


def test_a_run_gives_its_policies(tmp_path: Path) -> None:
    assert inside("train", *TINY, cwd=tmp_path).code == 0
    (run,) = load_runs(NAME, runs_dir=tmp_path / "runs")
    for policy in (run.policy(), run.policy(best=True)):
        action, state = policy.predict(np.zeros(4), deterministic=True)
        assert action in (0, 1) and state is None
