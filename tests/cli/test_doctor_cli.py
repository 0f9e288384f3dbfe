"""``ppo doctor``: what is well, what is not, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import ROOT, inside
from helpers.waiting import PATIENCE

from ppo_cli.cli.doctor import checks


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check is waited for, however long it takes."""
    monkeypatch.setattr(checks, "_TIMEOUT_SECONDS", PATIENCE)


def test_the_doctor_finds_this_installation_well_and_leaves_nothing(tmp_path: Path) -> None:
    result = inside("doctor", "--json", cwd=tmp_path)
    found = {check["name"]: check for check in result.json["checks"]}
    assert result.code == 0, found
    named = {
        "python",
        "torch",
        "threads",
        "kernels",
        "gymnasium",
        "box2d",
        "rendering",
        "runs folder",
        "fsync",
    }
    assert named <= set(found)
    assert all(set(check) == {"name", "ok", "detail", "fix"} for check in found.values())
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_says_what_to_do_about_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    from ppo_cli.cli.doctor.checks import check_runs_dir, run_check

    check: dict[str, Any] = run_check("runs folder", check_runs_dir, tmp_path / "file")
    assert not check["ok"] and "--runs-dir" in check["fix"]


def test_the_advice_about_gymnasium_is_what_the_package_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ppo_cli.cli.doctor.checks import check_gymnasium

    monkeypatch.setattr("ppo_cli.cli.doctor.checks.probe", lambda *args, **options: (False, "no module"))
    needed = (ROOT / "pyproject.toml").read_text()
    _, _, fix = check_gymnasium(tmp_path)
    assert fix.removeprefix("pip install ") in needed


def test_the_doctor_tells_of_the_kernels_and_does_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ppo_cli.cli.doctor.checks import check_kernels

    monkeypatch.setenv("PPO_KERNELS", "off")
    ok, detail, fix = check_kernels(tmp_path)
    assert (ok, fix) == (True, "")
    assert detail == "none: switched off by PPO_KERNELS=off; torch does the work"


def test_a_check_that_breaks_is_a_finding(tmp_path: Path) -> None:
    from ppo_cli.cli.doctor.checks import run_check

    def broken(folder: Path) -> tuple[bool, str, str]:
        raise RuntimeError("unforeseen")

    assert run_check("x", broken, tmp_path)["ok"] is False


def test_a_library_that_crashes_python_is_a_finding() -> None:
    from ppo_cli.cli.doctor.checks import probe

    ok, _ = probe("import os; os.abort()")
    assert not ok
    assert probe("print('first'); print('last')") == (True, "last")
