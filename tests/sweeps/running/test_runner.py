"""What a sweep trains, and what it does not train again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.sweep_helpers import (
    FAULTY,
    QUICK,
    RATES,
    InProcess,
    Reference,
    files_of,
    runner_of,
    sweep,
    sweep_files,
    tiny_spec,
    train_alone,
)

from ppo_cli.sweeps.plan.resources import Resources
from ppo_cli.sweeps.spec.planned_runs import planned_runs


def test_every_run_of_a_grid_has_the_bits_that_training_it_alone_gives(tmp_path: Path) -> None:
    spec = tiny_spec(RATES, "num_steps=16,8")
    done = sweep(spec, tmp_path, InProcess(slots=2))
    assert {len(job.runs) for job in done.executor.jobs} == {4}
    policies = set()
    for run in planned_runs(spec):
        alone = files_of(train_alone(run.config, tmp_path / "alone"))
        assert files_of(done.folder / run.name) == alone, run.name
        assert alone["status"] == "completed"
        policies.add(alone["policy.safetensors"])
    assert len(policies) == 8, "the runs have to differ for the test to mean something"


def test_the_runs_of_a_zipped_sweep_are_its_pairs(tmp_path: Path) -> None:
    done = sweep(tiny_spec("eps_clip=0.1,0.2", "gamma=0.9,0.99", zipped=True, num_seeds=1), tmp_path)
    assert done.statuses == {
        "eps_clip=0.1+gamma=0.9-s1": "completed",
        "eps_clip=0.2+gamma=0.99-s1": "completed",
    }


def test_seeds_count_up_from_the_first(tmp_path: Path) -> None:
    done = sweep(tiny_spec("eps_clip=0.1", base={"seed": 7}, num_seeds=3), tmp_path)
    assert list(done.statuses) == ["eps_clip=0.1-s7", "eps_clip=0.1-s8", "eps_clip=0.1-s9"]
    assert [run.summary["seed"] for run in done.runs] == [7, 8, 9]


def test_the_same_sweep_again_trains_nothing_and_says_the_same(undisturbed: Reference) -> None:
    runs_dir = undisturbed.swept.folder.parent
    assert runner_of(tiny_spec(RATES), runs_dir).missing() == []
    again = sweep(tiny_spec(RATES), runs_dir)
    assert again.executor.jobs == [] and again.folder == undisturbed.swept.folder
    assert again.summary() == undisturbed.swept.summary()
    assert sweep_files(again.folder) == undisturbed.files


def test_more_values_and_more_seeds_add_runs_to_the_folder(tmp_path: Path) -> None:
    first = sweep(tiny_spec("eps_clip=0.1,0.3", num_seeds=1), tmp_path)
    values = sweep(tiny_spec("eps_clip=0.2", num_seeds=1), tmp_path)
    seeds = sweep(tiny_spec("eps_clip=0.3", num_seeds=2), tmp_path)
    assert first.folder == values.folder == seeds.folder
    assert values.executor.trained == ["eps_clip=0.2-s1"]
    assert seeds.executor.trained == ["eps_clip=0.1-s2", "eps_clip=0.2-s2", "eps_clip=0.3-s2"]
    assert seeds.statuses == {f"eps_clip={v}-s{s}": "completed" for v in (0.1, 0.2, 0.3) for s in (1, 2)}
    assert [point["n_seeds"] for point in seeds.summary()["points"]] == [2, 2, 2]
    everything = sweep(tiny_spec("eps_clip=0.1,0.2,0.3"), tmp_path / "at once")
    assert sweep_files(seeds.folder) == sweep_files(everything.folder)


@pytest.mark.parametrize(("seeds", "cores"), [(1, [(0, 1, 2, 3)]), (2, [(0, 1), (2, 3)])])
def test_with_fewer_jobs_than_slots_each_gets_the_cores_of_several(
    seeds: int, cores: list[tuple[int, ...]], tmp_path: Path
) -> None:
    executor = InProcess(slots=4, run=lambda job, tell, stop: {"runs": {}})
    resources = Resources(core_sets=((0,), (1,), (2,), (3,)))
    sweep(tiny_spec("eps_clip=0.1", num_seeds=seeds), tmp_path, executor, resources=resources)
    assert [job.cores for job in executor.jobs] == cores


def test_reports_tell_how_far_the_sweep_is(tmp_path: Path) -> None:
    done = sweep(tiny_spec("env_kwargs.fault=no,raises", env_id=FAULTY, base=QUICK), tmp_path)
    *_, last = done.reports
    assert (last.stage, last.total, last.done, last.failed, last.running) == ("done", 4, 2, 2, 0)
    assert [row.label for row in last.rows] == ["env_kwargs.fault=no", "env_kwargs.fault=raises"]
    assert [[cell.status for cell in row.cells] for row in last.rows] == [["completed"] * 2, ["failed"] * 2]
    assert all(cell.fraction == 1.0 and cell.eval_mean for cell in last.rows[0].cells)
    counts = [report.done + report.failed for report in done.reports]
    assert counts == sorted(counts)
    notices = [notice for report in done.reports for notice in report.notices]
    assert len(notices) == 1 and "two jobs" in notices[0]


def test_the_summary_of_a_sweep_under_way_says_what_is_done(tmp_path: Path) -> None:
    runner = runner_of(tiny_spec("num_steps=16,8", base=QUICK), tmp_path)
    next(report for report in runner.run() if report.done)
    document = json.loads(runner.folder.summary_path.read_text())
    assert document["status"] == "incomplete"
    assert [run["status"] for run in document["runs"]] == 2 * ["completed"] + 2 * ["waiting"]
    assert len((runner.folder.results_path).read_text().splitlines()) == 1 + 4
