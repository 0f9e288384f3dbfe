"""Pages about run folders that are damaged, or were made by somebody who means harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.html_runs import write_run, write_seeds, write_sweep

from ppo_cli.html.curves import EVALUATION, Series, curves_data
from ppo_cli.html.heads import newest_date
from ppo_cli.runs.run_dir import RunDir


def logged(path: Path) -> list[str]:
    data, _ = curves_data([Series("a", (RunDir(path),), (1,))])
    return [metric["name"] for metric in data["metrics"]] if data else []


@pytest.mark.parametrize(
    "text",
    ["", "\n", "global_step\n", "a,b\n1,2\n", "global_step,x\n1\n", "global_step,x\nNaN,inf\n", "\0\0\n\0\n",
     "global_step,x\n1e300,1e300\n", 'global_step,"x\n1,2\n'],
)  # fmt: skip
def test_what_cannot_be_drawn_of_a_log_is_left_out(text: str, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a-s1")
    (folder / "metrics.csv").write_text(text)
    assert logged(folder) == [EVALUATION]


def test_a_log_whose_steps_go_back_is_drawn_in_their_order(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a-s1")
    (folder / "eval.csv").unlink()
    (folder / "metrics.csv").write_text("global_step,x\n300,3\n100,1\n200,2\n")
    data, _ = curves_data([Series("a", (RunDir(folder),), (1,))])
    assert data is not None
    mean = data["series"][0]["curves"][0]["mean"]
    assert mean == sorted(mean) and (mean[0], mean[-1]) == (1, 3)


def test_a_column_that_is_there_twice_is_one_metric(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a-s1")
    (folder / "metrics.csv").write_text("global_step,x,x\n1,2,3\n2,3,4\n")
    assert logged(folder) == [EVALUATION, "x"]


@pytest.mark.parametrize(
    "head", ["", "#{}", "#[1]", '#{"t_start": "now"}', '#{"t_start": 1e300}', "#" + "[" * 9000]
)
def test_a_run_that_does_not_tell_when_it_began_has_no_date(head: str, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a-s1")
    (folder / "monitor.csv").write_text(f"{head}\nr,l,t\n")
    assert newest_date([RunDir(folder)]) == ""


def test_no_log_is_read_through_a_symbolic_link(tmp_path: Path) -> None:
    folder, other = write_run(tmp_path / "a-s1"), write_run(tmp_path / "b-s1")
    (folder / "monitor.csv").unlink()
    (folder / "monitor.csv").symlink_to(other / "monitor.csv")
    assert newest_date([RunDir(folder)]) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"eval": {"mean": 5.0}},
        {"eval": {"mean": 5.0, "ci95": 3}},
        {"eval": {"mean": 5.0, "ci95": [None, None], "episodes": "many"}},
        {"versions": ["torch"], "command": ["rm"], "git_commit": {"a": 1}},
        {"wall_time": None, "global_step": None, "steps_per_second": None},
        {"status": None, "eval": None},
    ],
)
def test_a_summary_of_the_wrong_shape_is_told_as_far_as_it_goes(change: dict, runs_dir: Path) -> None:
    folder = write_run(runs_dir / "a-s1")
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(summary | change))
    result = inside("report", "a-s1", cwd=runs_dir.parent)
    assert result.code == 0, result.stderr
    assert (folder / "report.html").is_file()


def test_a_damaged_summary_is_refused_in_a_group_and_passed_over_in_a_sweep(runs_dir: Path) -> None:
    (write_seeds(runs_dir, "a", (1.0, 2.0))[0] / "summary.json").write_text("{")
    assert inside("report", "a", cwd=runs_dir.parent).code == 5
    study = write_sweep(runs_dir, "eps_clip=0.1,0.2")
    (study / "eps_clip=0.1-s1" / "summary.json").write_text("{")
    result = inside("report", "study", cwd=runs_dir.parent)
    assert result.code == 0, result.stderr
