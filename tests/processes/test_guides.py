"""The guides can be followed: their commands work, one after the other, in an empty directory."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.cli_runner import environment
from helpers.pages import GUIDES, PAGES, Page

# A cluster is no laptop; the other pages tell their commands to those who have read a guide.
FOLLOWED = [
    page
    for page in PAGES
    if page.name in ("README.md", "docs/algorithms.md")
    or (page in GUIDES and "ten-thousand" not in page.name)
]
STEPS = 2_000  # of every training that does not say how long it is


@pytest.mark.slow
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.name)
def test_the_commands_of_a_page_work_one_after_the_other(page: Page, tmp_path: Path) -> None:
    here = tmp_path / "empty"
    here.mkdir()
    variables = environment(PATH=f"{with_ppo(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}")
    for block in page.blocks:
        if block.file_name:
            (here / block.file_name).write_text(block.text, encoding="utf-8")
        for command in block.commands:
            done = subprocess.run(
                ["bash", "-c", shortened(command)], cwd=here, env=variables, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{command}\n{done.stderr[-2000:]}"


def with_ppo(folder: Path) -> Path:
    """A folder for the search path, in which ``ppo`` is the one under test."""
    folder.mkdir()
    program = folder / "ppo"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ppo_cli "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def shortened(command: str) -> str:
    """The command with a short training, unless it says itself how long it is, or goes on with one."""
    if "--resume" in command:
        return command
    return re.sub(r"^ppo (train|sweep)\b", rf"ppo \1 --total-timesteps {STEPS}", command)
