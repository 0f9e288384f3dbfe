"""Tests lie where what they test lies, and no file is longer than one reads in one go."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.import_graph import PACKAGE, REPOSITORY

TESTS = REPOSITORY / "tests"
# Folders of tests that mirror no room, and why.
OTHERS = {
    "docs": "what the pages say is so",
    "helpers": "what several tests share",
    "processes": "whatever starts processes, of any room",
}
LONGEST = {"ppo_cli": 350, "tests": 500}  # lines
# Files that are still to be divided.
LONG = {
    "ppo_cli/config/schema.py",
    "tests/cli/test_cli_commands.py",
    "tests/cli/test_sweep_cli.py",
    "tests/config/test_config_resolve.py",
    "tests/report/test_plots.py",
    "tests/sweeps/test_sweep.py",
    "tests/sweeps/test_sweep_spec.py",
}


def test_every_folder_of_tests_mirrors_a_room() -> None:
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    rooms = [folder for folder in folders if folder.parts and folder.parts[0] not in OTHERS]
    assert rooms
    assert [str(folder) for folder in rooms if not (PACKAGE / folder).is_dir()] == []


def test_what_starts_ppo_in_a_process_lies_with_its_kind() -> None:
    starters = ("helpers.ppo_process", "helpers.sweep_process")
    files = [path for path in TESTS.rglob("test_*.py") if any(s in path.read_text() for s in starters)]
    assert files
    elsewhere = [path for path in files if path.parent.name != "processes" and path != Path(__file__)]
    assert elsewhere == []


@pytest.mark.parametrize("folder", LONGEST)
def test_no_file_is_longer_than_one_reads_in_one_go(folder: str) -> None:
    lengths = {
        path.relative_to(REPOSITORY).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (REPOSITORY / folder).rglob("*.py")
    }
    assert lengths
    too_long = {name: length for name, length in lengths.items() if length > LONGEST[folder]}
    assert too_long.keys() - LONG == set()
