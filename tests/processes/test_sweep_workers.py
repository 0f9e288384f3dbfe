"""Sweeps whose runs are trained by worker processes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.cli_runner import environment, inside
from helpers.fake_jobs import WORKER
from helpers.sweep_commands import CLIPS, NAME, one_line
from helpers.sweep_helpers import StopAfter, sweep_files, train_in_process

from ppo_cli.sweeps.folder.sweep_dir import SweepDir
from ppo_cli.sweeps.folder.sweep_yaml import read_spec
from ppo_cli.sweeps.plan.resources import Resources
from ppo_cli.sweeps.running.runner import Invocation, SweepRunner
from ppo_cli.sweeps.work.local.executor import LocalExecutor


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that was trained in this process."""
    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        train_in_process(patch)
        result = inside(*CLIPS, cwd=folder)
    assert result.code == 0, result.stderr
    return folder / "runs" / NAME


SUPERVISED = """
import sys
from ppo_cli.cli import app
from ppo_cli.cli.terminal.errors import run

code = run(app, sys.argv[1:])
print(f"torch: {'torch' in sys.modules}", file=sys.stderr)
sys.exit(code)
"""


def test_workers_train_the_same_bits_and_the_supervisor_needs_no_torch(swept: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SUPERVISED, *CLIPS, "--workers", "2", "--json"]
    result = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert len(document["runs"]) == 4 and len(document["plots"]) == 2
    assert "torch: False" in result.stderr and "4/4 runs done" in one_line(result.stderr)
    assert sweep_files(tmp_path / "runs" / NAME) == sweep_files(swept)


def test_workers_can_begin_with_held_out_runs_in_a_folder_that_was_not_there(
    swept: Path, tmp_path: Path
) -> None:
    folder = SweepDir(shutil.copytree(swept, tmp_path / NAME))
    spec = replace(read_spec(folder.spec_path), confirm=1)
    executor = LocalExecutor(1, command=WORKER)
    invocation = Invocation(command="train")  # what the fake job does
    try:
        runner = SweepRunner(folder, spec, executor, Resources(((),)), invocation, StopAfter())
        *_, last = runner.run()
    finally:
        executor.close()
    assert (last.stage, last.done) == ("done", 4)
    assert (folder.held_out.logs_path / "worker-0.log").exists()
