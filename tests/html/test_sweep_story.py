"""The report on a sweep: its sentence, points, failures and what is cut of very many."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.html_pages import report_on
from helpers.html_runs import write_sweep

from ppo_cli.diagnosis.logs import Finding


def test_a_sweep_has_its_sentence_held_out_figures_and_a_chart_of_its_setting(runs_dir: Path) -> None:
    write_sweep(runs_dir, "eps_clip=0.1,0.2,0.3")
    page = report_on("study", cwd=runs_dir.parent)
    assert "Compared with the default eps_clip=0.2" in page.text
    assert "on 2 held-out seeds" in page.text
    assert [item["target_id"] for item in page.data["charts"]] == ["sensitivity-1", "curves"]
    assert "Return against eps_clip" in page.text
    chart = json.dumps(page.data["charts"][0])
    assert all(f'"eps_clip = {value}"' in chart for value in (0.1, 0.2, 0.3))
    assert "ppo sweep runs/study/sweep.yaml" in page.text
    assert "eps_clip = 0.2 (default)" in page.text


def test_what_is_wrong_with_the_best_point_stands_above_the_verdict(
    monkeypatch: pytest.MonkeyPatch, runs_dir: Path
) -> None:
    write_sweep(runs_dir, "eps_clip=0.1,0.2", seeds=2)
    ill = Finding("still_rising", "Returns were still rising.", "return 1 to 2", "train longer")
    monkeypatch.setattr("ppo_cli.html.sweep_story.diagnose_run", lambda run: [ill])
    text = report_on("study", cwd=runs_dir.parent).text
    said = ", 2 of 2 runs: Returns were still rising. return 1 to 2. Try train longer."
    assert text.count(said) == 1 and text.index(said) < text.index("Verdict")


def test_a_point_that_failed_is_shown_as_failed_with_its_reason(runs_dir: Path) -> None:
    folder = write_sweep(runs_dir, "eps_clip=0.1,0.2", seeds=2)
    summary = json.loads((folder / "eps_clip=0.1-s1" / "summary.json").read_text())
    summary |= {"status": "diverged", "reason": "the loss is NaN", "eval": None}
    (folder / "eps_clip=0.1-s1" / "summary.json").write_text(json.dumps(summary))
    page = report_on("study", cwd=runs_dir.parent)
    assert "diverged: the loss is NaN" in page.text
    assert "3 completed, 1 diverged" in page.text


def test_tables_of_thousands_of_runs_are_cut_and_say_so(
    monkeypatch: pytest.MonkeyPatch, runs_dir: Path
) -> None:
    monkeypatch.setattr("ppo_cli.html.sweep_story._MOST_RUNS", 4)
    monkeypatch.setattr("ppo_cli.html.sweep_story._MOST_POINTS", 2)
    write_sweep(runs_dir, "eps_clip=0.1,0.2,0.3", confirm=0)
    page = report_on("study", cwd=runs_dir.parent)
    assert "The best 2 of 3 points; results.csv has all." in page.text
    assert "The first 4 of 9 runs; results.csv has all." in page.text
