"""``ppo list``: the runs, sweeps and preference sets under the runs folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json
from ppo_cli.report.text import clean


def list_command(runs_dir: options.RunsDir = DEFAULT_RUNS_DIR, json: options.Json = False) -> None:
    r"""Show the runs, sweeps and preference sets under the runs folder with their results.

    \b
    Examples:
      ppo list
      ppo list --json | jq '.runs[].eval.mean'
    """
    from ppo_cli.report.console import is_unicode, stderr_console, stdout_console
    from ppo_cli.report.tables import runs_table, sweeps_table
    from ppo_cli.runs.reading import describe_run
    from ppo_cli.runs.run_dir import list_runs
    from ppo_cli.sweeps.folder.sweep_dir import list_sweeps
    from ppo_cli.sweeps.results.summary import describe_sweep

    runs = [describe_run(run) for run in list_runs(runs_dir)]
    sweeps = [describe_sweep(sweep) for sweep in list_sweeps(runs_dir)]
    sets = _sets(runs_dir)
    if json:
        print_json({"runs": runs, "sweeps": sweeps, "preferences": sets})
        return
    console = stdout_console()
    if not (runs or sweeps or sets):
        stderr_console().print(f"no runs in {clean(runs_dir)}; make one with `ppo train`", soft_wrap=True)
    if runs:
        console.print(runs_table(runs, width=console.width, unicode=is_unicode(console)))
    if sweeps:
        console.print(sweeps_table(sweeps, unicode=is_unicode(console)))
    if sets:
        from ppo_cli.report.preferences import sets_table

        console.print(sets_table(sets))


def _sets(runs_dir: Path) -> list[dict[str, Any]]:
    """The documents of the preference sets; where there are none, nothing is loaded that reads them."""
    from ppo_cli.runs.folders import PREFERENCES, list_folders

    if not list_folders(PREFERENCES, runs_dir):
        return []
    from ppo_cli.preferences.describing import describe_any_set
    from ppo_cli.preferences.folder import list_preferences

    return [describe_any_set(folder) for folder in list_preferences(runs_dir)]
