"""The charts of a sweep's result against its settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.html_pages import report_on
from helpers.html_runs import write_sweep


def test_two_settings_on_a_grid_get_a_heat_map_and_a_chart_each(
    runs_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_sweep(runs_dir, "eps_clip=0.1,0.2", "gamma=0.9,0.99", seeds=2)
    page = report_on("study", cwd=runs_dir.parent)
    assert caplog.messages == [], "Bokeh finds nothing wrong with the charts"
    targets = [item["target_id"] for item in page.data["charts"]]
    assert targets == ["sensitivity-0", "sensitivity-1", "sensitivity-2", "curves"]


def test_a_swept_text_is_a_plain_text_in_the_chart_and_no_formula(runs_dir: Path) -> None:
    write_sweep(runs_dir, "env_kwargs.note=$$x$$,plain", seeds=2, confirm=0)
    page = report_on("study", cwd=runs_dir.parent)
    (axis,) = [
        axis["attributes"] for axis in page.data["charts"][0]["doc"]["roots"][0]["attributes"]["below"]
    ]
    labels = json.dumps(axis["major_label_overrides"])
    assert "$$x$$" in labels and labels.count('"PlainText"') == 2
