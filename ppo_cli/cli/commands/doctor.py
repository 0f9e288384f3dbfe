"""``ppo doctor``: checks the installation and says what to do."""

from __future__ import annotations

from pathlib import Path

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json

_PROBLEM = 2


def doctor_command(runs_dir: options.RunsDir = DEFAULT_RUNS_DIR, json: options.Json = False) -> None:
    r"""Check the installation: Python, torch, kernels, Gymnasium, Box2D, rendering, disk. Takes some seconds.

    Exits with 2 when something is wrong.

    \b
    Example:
      ppo doctor
    """
    from ppo_cli.cli.doctor.checks import CHECKS, run_check
    from ppo_cli.report.console import stderr_console, stdout_console
    from ppo_cli.report.tables import checks_table

    if not json:
        stderr_console().print("checking", style="dim")
    checks = [run_check(name, check, Path(runs_dir)) for name, check in CHECKS.items()]
    if json:
        print_json({"checks": checks})
    else:
        stdout_console().print(checks_table(checks))
    raise typer.Exit(0 if all(check["ok"] for check in checks) else _PROBLEM)
