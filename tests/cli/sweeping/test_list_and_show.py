"""Sweeps in ``ppo list`` and ``ppo show``."""

from __future__ import annotations

from pathlib import Path

from helpers.cli_runner import inside
from helpers.sweep_commands import CLIPS, NAME
from helpers.sweep_helpers import tiny_spec

from ppo_cli.sweeps.folder.opening import open_sweep
from ppo_cli.sweeps.folder.sweep_dir import SweepDir


def test_list_has_the_sweeps_beside_the_runs(swept: Path) -> None:
    document = inside("list", "--json", cwd=swept).json
    (sweep,) = document["sweeps"]
    assert document["runs"] == [], "runs of a sweep are the sweep's"
    assert sweep["sweep_dir"] == f"runs/{NAME}" and sweep["status"] == "completed"
    assert len(sweep["points"]) == 2 and sweep["best"]["n_seeds"] == 2
    assert NAME in inside("list", cwd=swept).stdout


def test_show_prints_what_the_sweep_printed(swept: Path) -> None:
    shown = inside("show", NAME, cwd=swept)
    assert shown.code == 0 and shown.stdout in inside(*CLIPS, cwd=swept).stdout
    assert "Best: " in shown.stdout
    document = inside("show", NAME, "--json", cwd=swept).json
    summary = SweepDir(swept / "runs" / NAME).read_summary()
    assert document == summary


def test_unfinished_damaged_and_running_sweeps_are_listed_and_shown(tmp_path: Path) -> None:
    for name in ("new", "bad"):
        open_sweep(tiny_spec("eps_clip=0.1"), tmp_path / "runs", name)
    (tmp_path / "runs" / "bad" / "summary.json").write_text("{")
    statuses = {
        sweep["name"]: sweep["status"] for sweep in inside("list", "--json", cwd=tmp_path).json["sweeps"]
    }
    assert statuses == {"bad": "unreadable", "new": "unfinished"}
    assert all(name in inside("list", cwd=tmp_path).stdout for name in ("bad", "new"))
    for name in ("bad", "new"):
        shown = inside("show", name, "--json", cwd=tmp_path)
        assert shown.code == 0 and [run["status"] for run in shown.json["runs"]] == ["waiting"] * 2
        assert inside("show", name, cwd=tmp_path).code == 0
    folder = SweepDir(tmp_path / "runs" / "new")
    folder.write_summary({"status": "incomplete"})
    with folder.lock():
        sweeps = inside("list", "--json", cwd=tmp_path).json["sweeps"]
    assert [sweep["status"] for sweep in sweeps] == ["unreadable", "running"]
