"""The report on runs and groups of runs: its numbers, verdict, settings and commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.html_pages import report_on
from helpers.html_runs import write_run, write_seeds, write_sweep

from ppo_cli.comparison.groups import find_groups
from ppo_cli.html.curves import EVALUATION
from ppo_cli.html.story import groups_report


def test_a_run_is_told_by_its_numbers_curves_settings_and_commands(runs_dir: Path) -> None:
    write_run(runs_dir / "lander-s1", final=231.5, terms=("distance",), eps_clip=0.3)
    page = report_on("lander-s1", cwd=runs_dir.parent)
    assert "231.5 95 % interval 227.5 to 235.5 over 100 episodes of one seed" in page.text
    assert "18 November 2026" in page.text
    differing = page.text.partition("Settings that differ from their default")[2].partition("All ")[0]
    assert "learning.eps_clip 0.3 0.2" in differing, "what differs from the default, beside it"
    assert "learning.gamma" not in differing
    assert "ppo train --env LunarLander-v3" in page.text
    assert "ppo train --config runs/lander-s1/config.yaml" in page.text
    assert "torch 2.13.0" in page.text
    metrics = [metric["name"] for metric in page.data["curves"]["metrics"]]
    assert metrics[0] == EVALUATION
    assert {"rollout/episode_return", "train/entropy", "reward/distance"} <= set(metrics)
    assert "train/std" not in metrics, "what was never logged cannot be chosen"
    assert [item["target_id"] for item in page.data["charts"]] == ["curves", "terms"]


def test_the_settings_of_a_page_are_those_that_some_algorithm_on_it_uses(runs_dir: Path) -> None:
    write_run(runs_dir / "kl-s1", algorithm="ppo-kl", kl_target=0.03)
    text = report_on("kl-s1", cwd=runs_dir.parent).text.partition("Settings that differ")[2]
    assert "learning.kl_target 0.03 0.01" in text and "learning.vf_coef" in text
    assert "learning.eps_clip " not in text and "learning.group_size" not in text
    write_run(runs_dir / "clip-s1")
    text = report_on("kl-s1", "clip-s1", cwd=runs_dir.parent).text
    assert "learning.eps_clip " in text and "learning.group_size" not in text


def test_groups_are_compared_over_seeds_with_what_differs_between_them(runs_dir: Path) -> None:
    write_seeds(runs_dir, "plain", (200.0, 210.0, 205.0, 207.0))
    write_seeds(runs_dir, "wide", (120.0, 130.0, 126.0, 121.0), eps_clip=0.4)
    page = report_on("plain", "wide", cwd=runs_dir.parent)
    assert "plain is better than wide" in page.text
    assert "over 4 seeds" in page.text
    assert "Settings that differ between the groups" in page.text
    assert re.search(r"learning\.eps_clip 0\.2 0\.4 ", page.text)
    assert [line["name"] for line in page.data["curves"]["series"]] == ["plain", "wide"]
    assert len(page.data["curves"]["series"][0]["curves"][0]["seeds"]) == 4
    assert "ppo compare plain wide" in page.text


def test_a_curve_is_drawn_from_the_runs_that_count(runs_dir: Path) -> None:
    write_seeds(runs_dir, "group", (200.0, 210.0, 220.0))
    write_run(runs_dir / "group-s4", seed=4, status="diverged", reason="the loss is NaN")
    _, (series,) = groups_report(find_groups(runs_dir, ["group"]), [], [])
    assert series.seeds == (1, 2, 3)


def test_runs_of_which_none_counts_are_drawn_all(runs_dir: Path) -> None:
    write_run(runs_dir / "group-s1", seed=1, status="interrupted")
    write_run(runs_dir / "group-s2", seed=2, status="diverged", reason="the loss is NaN")
    report, (series,) = groups_report(find_groups(runs_dir, ["group"]), [], [])
    assert series.seeds == (1, 2)
    assert "group-s2: diverged: the loss is NaN" in report.verdict


def test_a_group_is_trained_again_with_its_own_seeds(runs_dir: Path) -> None:
    write_seeds(runs_dir, "row", (200.0, 210.0, 220.0))
    write_run(runs_dir / "gap-s1", seed=1)
    write_run(runs_dir / "gap-s3", seed=3)
    report, _ = groups_report(find_groups(runs_dir, ["row", "gap"]), [], [])
    trained = [
        command.text.partition("--config ")[2] for command in report.commands if "train" in command.about
    ]
    assert trained == [
        f"{runs_dir / 'row-s1' / 'config.yaml'} --seed 1 --seeds 3",
        f"{runs_dir / 'gap-s1' / 'config.yaml'}",
        f"{runs_dir / 'gap-s3' / 'config.yaml'}",
    ]


def test_a_run_that_has_not_finished_is_reported_as_far_as_it_is(runs_dir: Path) -> None:
    write_run(runs_dir / "stopped-s1", status="interrupted")
    page = report_on("stopped-s1", cwd=runs_dir.parent)
    assert "no final evaluation" in page.text
    assert "interrupted" in page.text
    assert page.data["curves"]["series"][0]["curves"][0]


def test_a_run_without_any_log_still_has_a_page(runs_dir: Path) -> None:
    folder = write_run(runs_dir / "fresh-s1", status="interrupted")
    for name in ("metrics.csv", "eval.csv", "monitor.csv"):
        (folder / name).unlink()
    page = report_on("fresh-s1", cwd=runs_dir.parent)
    assert page.data == {"curves": None, "charts": []}
    assert len(page.scripts) == 2, "without charts there is no Bokeh on the page"


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
