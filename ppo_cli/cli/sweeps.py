"""Reading sweep folders for ``list`` and ``show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.cli.terminal.output import print_json
from ppo_cli.errors import PpoError, UsageError
from ppo_cli.report.console import is_unicode, stdout_console
from ppo_cli.runs.reading import UNFINISHED, UNREADABLE

if TYPE_CHECKING:
    from ppo_cli.runs.run_dir import RunDir
    from ppo_cli.sweep.results.sweep_dir import SweepDir


def find_run_or_sweep(runs_dir: Path, ref: str) -> RunDir | SweepDir:
    """What a user means: a run, or else a sweep.

    Raises:
        UsageError: There is neither.
    """
    from ppo_cli.runs.run_dir import find_run
    from ppo_cli.sweep.results.sweep_dir import find_sweep

    try:
        return find_run(runs_dir, ref)
    except UsageError:
        try:
            return find_sweep(runs_dir, ref)
        except UsageError:
            pass
        raise


def describe_sweep(sweep: SweepDir) -> dict[str, Any]:
    """A sweep's document: its summary, or that there is none yet. A damaged sweep is described too."""
    document: dict[str, Any] = {"sweep_dir": str(sweep.path), "name": sweep.name}
    try:
        summary = sweep.read_summary()
    except PpoError as error:
        return {**document, "status": UNREADABLE, "reason": error.message}
    if summary is None:
        return {**document, "status": UNFINISHED, "points": [], "runs": [], "best": None}
    status = (
        "running" if summary.get("status") == "incomplete" and sweep.is_locked() else summary.get("status")
    )
    return {**summary, **document, "status": status}


def show_sweep(folder: SweepDir, *, as_json: bool) -> None:
    """Print what a sweep came to, as its folders stand."""
    from ppo_cli.cli.sweep_results import show_results
    from ppo_cli.sweep.results.reading import held_out_runs, sweep_results
    from ppo_cli.sweep.results.results import by_point, read_run
    from ppo_cli.sweep.results.summary import summary

    spec, runs = sweep_results(folder)
    held_out = [read_run(run, folder.held_out.run(run.name)) for run in held_out_runs(spec, runs)]
    document = summary(folder, spec, runs, held_out)
    if as_json:
        print_json(document)
        return
    console = stdout_console()
    show_results(console, document, by_point(runs), unicode=is_unicode(console))
