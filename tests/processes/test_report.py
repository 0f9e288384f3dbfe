"""``ppo report`` in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from helpers.cli_runner import environment, inside
from helpers.html_runs import write_run, write_sweep


def test_the_same_runs_give_the_same_bytes_in_another_process(runs_dir: Path) -> None:
    write_sweep(runs_dir, "eps_clip=0.1,0.2")
    first = inside("report", "study", "--output", "a.html", cwd=runs_dir.parent)
    assert first.code == 0, first.stderr
    again = [sys.executable, "-m", "ppo_cli", "report", "study", "--output", "b.html"]
    subprocess.run(again, cwd=runs_dir.parent, env=environment(PYTHONHASHSEED="7"), check=True)
    assert (runs_dir.parent / "a.html").read_bytes() == (runs_dir.parent / "b.html").read_bytes()


def test_the_command_loads_no_torch(runs_dir: Path) -> None:
    write_run(runs_dir / "lander-s1")
    code = (
        "import sys; from ppo_cli.cli import app; from ppo_cli.cli.terminal.errors import run;"
        "code = run(app, ['report', 'lander-s1']); assert 'torch' not in sys.modules; sys.exit(code)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=runs_dir.parent, env=environment(), check=True)
