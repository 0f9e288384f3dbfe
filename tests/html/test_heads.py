"""The first lines of log files."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.html_runs import write_run

from ppo_cli.html.heads import newest_date
from ppo_cli.runs.run_dir import RunDir


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
