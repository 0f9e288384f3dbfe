"""Learning curves as data of the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.html_runs import write_run, write_seeds

from ppo_cli.html.curves import EVALUATION, MOST_GROUPS, Series, curves_data
from ppo_cli.runs.run_dir import RunDir

LIMIT = 6_000_000


def test_the_curves_are_means_over_seeds_on_one_grid_of_steps(tmp_path: Path) -> None:
    runs = write_seeds(tmp_path, "lander", (100.0, 200.0))
    data, _ = curves_data([Series("lander", tuple(map(RunDir, runs)), (1, 2))])
    assert data is not None
    curve = data["series"][0]["curves"][0]
    assert data["steps"][0] == 1000 and data["steps"][-1] == 12_000
    assert curve["mean"][0] is None, "the first evaluation comes at 2000 steps"
    first, second = (seed[-1] for seed in curve["seeds"])
    assert curve["mean"][-1] == pytest.approx((first + second) / 2, rel=1e-4)
    assert curve["low"][-1] < min(first, second) < max(first, second) < curve["high"][-1]


def test_where_a_seed_has_ended_there_is_no_band(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / f"a-s{seed}", seed=seed, rows=12) for seed in (1, 2)]
    runs.append(write_run(tmp_path / "a-s3", seed=3, rows=6))
    data, _ = curves_data([Series("a", tuple(map(RunDir, runs)), (1, 2, 3))])
    assert data is not None
    curve = data["series"][0]["curves"][0]
    half = len(data["steps"]) // 2
    assert curve["low"][half - 20] is not None
    assert curve["low"][-1] is None and curve["high"][-1] is None
    assert curve["mean"][-1] is not None


def test_of_many_groups_the_first_are_drawn_with_fewer_steps_and_that_is_said(tmp_path: Path) -> None:
    series = []
    for index in range(MOST_GROUPS + 5):
        runs = write_seeds(tmp_path / str(index), "a", (100.0, 101.0), terms=[f"t{n}" for n in range(40)])
        series.append(Series(f"group {index}", tuple(map(RunDir, runs)), (1, 2)))
    data, notes = curves_data(series)
    assert data is not None and len(data["series"]) == MOST_GROUPS
    assert f"Drawn are {MOST_GROUPS} of {MOST_GROUPS + 5} groups" in notes[0]
    assert f"thinned to {len(data['steps'])} steps" in notes[1]
    assert len(json.dumps(data, separators=(",", ":"))) < LIMIT / 2


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
