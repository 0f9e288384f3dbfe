"""``ppo sweep --dry-run``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.sweep_commands import CARTPOLE, CLIPS, NAME, one_line, trained
from helpers.sweep_helpers import InProcess, Measured

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.resolve import resolve_config
from ppo_cli.sweeps.folder.sweep_dir import SweepDir
from ppo_cli.sweeps.work.registry import EXECUTORS, ExecutorKind


def test_a_dry_run_says_what_would_be_done_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executors: list[InProcess]
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    result = inside(*CLIPS, "--dry-run", cwd=tmp_path)
    assert result.code == 0 and result.stdout == ""
    err = one_line(result.stderr)
    assert "eps_clip = 0.1 eps_clip = 0.3" in err
    assert "dry run: 2 points × 2 seeds, 4 runs to train in 2 populations of 2, 512 steps" in err
    document = inside(*CLIPS, "--dry-run", "--json", cwd=tmp_path).json
    assert document["points"] == [{"eps_clip": 0.1}, {"eps_clip": 0.3}] and document["seeds"] == [1, 2]
    assert (document["num_runs"], document["populations"]) == (4, [2, 2])
    assert document["total_timesteps"] == 512 and document["disk_bytes"] > 0 and document["seconds"] > 0
    assert document["sweep_dir"] == f"runs/{NAME}"
    assert [path.name for path in tmp_path.rglob("*")] == ["scratch"]
    assert not any(map(trained, executors))


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_a_dry_run_of_a_search_shows_the_points_that_it_will_begin_with(kind: str, tmp_path: Path) -> None:
    search = (*CARTPOLE, "--param", "learning_rate=1e-4..1e-2:log", "--search", kind, "--trials", "12")
    search = (*search, "--total-timesteps", "32", "--seeds", "1")
    document = inside(*search, "--dry-run", "--json", cwd=tmp_path).json
    assert document["num_runs"] == 12 and len(document["points"]) == (12 if kind == "random" else 10)
    assert "12 points × 1 seeds, 12 runs" in one_line(inside(*search, "--dry-run", cwd=tmp_path).stderr)
    assert list(tmp_path.iterdir()) == []
    result = inside(*search, cwd=tmp_path)
    assert "12 points × 1 seeds, 12 runs to train" in one_line(result.stderr)
    summary = SweepDir(tmp_path / "runs" / f"CartPole-v1-learning_rate-{kind}").read_summary() or {}
    points = [point["point"] for point in summary["points"]]
    assert points[: len(document["points"])] == document["points"]


def test_a_dry_run_of_a_sweep_over_algorithms_lists_each_with_its_own_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = ExecutorKind(lambda options, folder: Measured(2, 1.0, 1.0), pins_cores=False)
    monkeypatch.setitem(EXECUTORS, "local", measured)
    words = ("sweep", "--env", "CartPole-v1", "--param", "algorithm", "--seeds", "2", "--dry-run", "--json")
    document = inside(*words, cwd=tmp_path).json
    names = [*ALGORITHMS]
    assert document["points"] == [{"algorithm": name} for name in names]
    assert document["populations"] == [2] * len(names) and document["notices"] == []
    configs = [resolve_config(env="CartPole-v1", values={"algorithm": name}).config for name in names]
    steps = [config.num_iterations * config.steps_per_iteration for config in configs]
    assert document["total_timesteps"] == 2 * sum(steps)
    assert os.path.basename(document["sweep_dir"]) == "CartPole-v1-algorithm"
