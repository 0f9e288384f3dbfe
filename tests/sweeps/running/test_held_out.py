"""The best point on seeds that the sweep has not seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.sweep_helpers import (
    FAULTY,
    QUICK,
    StopAfter,
    is_complete,
    sweep,
    tiny_spec,
    unlucky,
)

from ppo_cli.runs.run_dir import RunDir
from ppo_cli.sweeps.folder.sweep_dir import SweepDir
from ppo_cli.sweeps.results.run_result import RunResult
from ppo_cli.sweeps.results.sweep_results import SweepResults, held_out_runs
from ppo_cli.sweeps.spec.planned_runs import planned_runs


def test_the_best_point_is_trained_again_on_seeds_that_the_sweep_has_not_seen(tmp_path: Path) -> None:
    spec = tiny_spec("env_kwargs.pay=1.0,100.0,10.0", env_id=FAULTY, confirm=3, base=QUICK)
    done = sweep(spec, tmp_path)
    best = done.summary()["best"]
    assert best["point"] == {"env_kwargs.pay": 100.0} and best["n_seeds"] == 2
    runs = done.runner.folder.held_out.runs()
    assert len(runs) == 3 and all(is_complete(run) for run in runs)
    summaries = [run.read_summary() or {} for run in runs]
    means = [summary["eval"]["mean"] for summary in summaries]
    assert best["held_out"]["n_seeds"] == 3 and best["held_out"]["mean"] == pytest.approx(sum(means) / 3)
    assert not {summary["seed"] for summary in summaries} & set(range(1, 1001))
    assert all("env_kwargs.pay=100.0" in run.name for run in runs)
    rows = (done.folder / "results.csv").read_text().splitlines()
    assert len(rows) == 1 + 6, "they are no runs of the sweep"
    again = sweep(spec, tmp_path)
    assert again.executor.jobs == [] and again.summary() == done.summary()


def test_no_point_is_announced_before_all_runs_have_ended(tmp_path: Path, every_iteration: None) -> None:
    stopped = sweep(tiny_spec("eps_clip=0.1,0.3", confirm=2), tmp_path, stop=StopAfter(8))
    assert stopped.reports[-1].stage == "stopped" and not stopped.runner.folder.held_out.path.exists()
    done = sweep(tiny_spec("eps_clip=0.1,0.3", confirm=2), tmp_path)
    assert done.summary()["best"]["held_out"]["n_seeds"] == 2


def test_a_held_out_run_that_is_lost_is_among_the_failures(tmp_path: Path) -> None:
    first = 1 + 1_000_000
    done = sweep(tiny_spec("eps_clip=0.1", env_id=FAULTY, confirm=2, base=unlucky("huge", first)), tmp_path)
    document = done.summary()
    assert [run["seed"] for run in document["failed"]] == [first]
    assert document["best"]["held_out"]["n_seeds"] == 1


def test_held_out_seeds_wrap_around_and_are_still_not_those_of_the_sweep() -> None:
    spec = tiny_spec("eps_clip=0.1", base={"seed": 2**32 - 20}, num_seeds=5, confirm=10)
    run = planned_runs(spec)[0]
    complete = RunResult(run, RunDir(Path()), "completed", 1.0, 0, 0.0, None, {})
    seeds = {held_out.seed for held_out in held_out_runs(SweepResults(SweepDir(Path()), spec, [complete]))}
    assert len(seeds) == 10 and not seeds & set(spec.seeds)
