"""What ``ppo sweep`` prints and draws."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.modules import forget
from helpers.sweep_commands import CARTPOLE, CLIPS, NAME, one_line
from helpers.sweep_helpers import InProcess

from ppo_cli.report import sweep_plots
from ppo_cli.report.sweep_plots import write_sweep_plots

RUN_KEYS = {
    "run_dir", "env_id", "algorithm", "seed", "status", "global_step", "wall_time", "steps_per_second",
    "eval",
}  # fmt: skip


def test_a_sweep_prints_results_on_stdout_and_the_rest_on_stderr(tmp_path: Path) -> None:
    result = inside(*CLIPS, "--confirm", "2", cwd=tmp_path)
    assert result.code == 0, result.stderr
    out, err = one_line(result.stdout), one_line(result.stderr)
    for part in ("eps_clip", "mean", "IQM", "failed", "Compared with the", "2 seeds each"):
        assert part in out, part
    assert "Best: eps_clip=0." in out and "On 2 held-out seeds it repeats" in out
    assert f"runs/{NAME}/results.csv" in out
    assert "2 points × 2 seeds, 4 runs to train in 2 populations of 2, 512 steps" in err
    assert "4/4 runs done" in err and "runs done" not in out
    assert f"ppo train --from-sweep runs/{NAME}" in err and f"ppo show runs/{NAME}" in err


def test_quiet_says_nothing_on_stderr_and_measures_nothing(
    tmp_path: Path, executors: list[InProcess]
) -> None:
    result = inside(*CLIPS, "--quiet", cwd=tmp_path)
    assert (result.code, result.stderr) == (0, "") and "Best: " in result.stdout
    assert not any(job.probe for job in executors[0].jobs)


def test_json_is_one_document_with_the_promised_keys(tmp_path: Path) -> None:
    result = inside(*CLIPS, "--confirm", "2", "--json", cwd=tmp_path)
    assert result.code == 0
    document = result.json
    assert document["sweep_dir"] == f"runs/{NAME}" and document["failed"] == []
    assert [run["point"] for run in document["runs"]] == [{"eps_clip": v} for v in (0.1, 0.1, 0.3, 0.3)]
    for run in document["runs"]:
        assert set(run) >= RUN_KEYS and run["status"] == "completed"
        assert {"mean", "std", "ci95", "episodes"} <= set(run["eval"])
        assert (tmp_path / run["run_dir"] / "policy.safetensors").exists()
    assert all(set(point) >= {"point", "n_seeds", "mean", "ci95", "iqm"} for point in document["points"])
    best = document["best"]
    assert set(best) >= {"point", "mean", "ci95", "held_out"}
    assert set(best["held_out"]) >= {"mean", "ci95", "n_seeds"} and best["held_out"]["n_seeds"] == 2


def test_one_seed_has_no_interval_and_that_is_null(tmp_path: Path) -> None:
    result = inside(*CLIPS, "--seeds", "1", "--json", cwd=tmp_path)
    assert result.code == 0 and result.json["points"][0]["ci95"] == [None, None]
    assert inside(*CLIPS, "--seeds", "1", "--quiet", cwd=tmp_path).code == 0


def test_plots_are_written_and_named(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_plots, "write_sweep_plots", write_sweep_plots)
    result = inside(*CLIPS, cwd=swept)
    for name in ("sensitivity", "learning_curves"):
        assert f"runs/{NAME}/{name}.png" in result.stdout
        assert (swept / "runs" / NAME / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (swept / "runs" / NAME / f"{name}.svg").exists()


def test_without_matplotlib_a_sweep_ends_well_and_says_what_is_missing(
    swept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_plots, "write_sweep_plots", write_sweep_plots)
    forget(monkeypatch, "ppo_cli.report.plots", "ppo_cli.report.plotting", "matplotlib")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = inside(*CLIPS, "--json", cwd=swept)
    assert result.code == 0 and result.json["plots"] == []
    assert "pip install 'ppo-cli[plots]'" in one_line(result.stderr)


def test_what_pruning_saved_is_said(tmp_path: Path) -> None:
    rates = ("--param", "learning_rate=0.0003,0.003,0.03,0.3", "--prune")
    result = inside(*CARTPOLE, *rates, "--seeds", "1", cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert "Pruning stopped 2 runs: 320 steps instead of 512, 38% saved." in one_line(result.stdout)
    assert "rung at" in result.stderr


def test_populations_are_as_small_as_asked_for(tmp_path: Path, executors: list[InProcess]) -> None:
    document = inside(*CLIPS, "--max-members", "1", "--dry-run", "--json", cwd=tmp_path).json
    assert document["populations"] == [1, 1, 1, 1]
    assert inside(*CLIPS, "--max-members", "1", "--quiet", cwd=tmp_path).code == 0
    assert [len(job.runs) for job in executors[-1].jobs] == [1, 1, 1, 1]
