"""How ``ppo train`` ends: results to stdout, what to do next to stderr, and the exit code."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ppo_cli.api.train import needs_consent, resume_command
from ppo_cli.cli.terminal.output import print_json
from ppo_cli.cli.terminal.signals import Stop
from ppo_cli.errors import DivergedError, UsageError
from ppo_cli.report.console import is_unicode, stderr_console, stdout_console
from ppo_cli.report.tables import training_table
from ppo_cli.report.text import clean

_MANY = 4  # beyond this many runs the next commands name one of them

Run = Mapping[str, Any]
"""A run's document, as ``train`` returns it."""


def show_training(runs: Sequence[Run], *, quiet: bool, as_json: bool) -> None:
    """Print what became of the runs, and the commands that make sense now.

    Args:
        runs: The runs.
        quiet: Whether to leave the next commands out where nothing has gone wrong.
        as_json: Whether to print a JSON document.
    """
    stopped = [run for run in runs if run["status"] == "interrupted"]
    resume = resume_command([run["run_dir"] for run in stopped])
    if as_json:
        print_json({"runs": runs, **({"resume": resume} if stopped else {})})
    else:
        _show_table(runs)
    _say_failures(runs)
    _say_findings(runs)
    if stopped:
        _say_resume(stopped, resume)
    elif not as_json and not quiet:
        _say_next(runs)


def exit_code(runs: Sequence[Run], stop: Stop) -> int:
    """The exit code: the signal's, else 3 for a diverged run, else 2 where an environment failed."""
    statuses = {run["status"] for run in runs}
    if "interrupted" in statuses and stop():
        return stop.exit_code
    if "diverged" in statuses:
        return DivergedError.exit_code
    return UsageError.exit_code if "failed" in statuses else 0


def over_seeds(runs: Sequence[Run]) -> dict[str, Any] | None:
    """Mean of the runs' evaluation means with a 95 % interval over seeds; None for fewer than two."""
    from ppo_cli.runs.eval_stats import mean_interval
    from ppo_cli.runs.payable import cut, payable, why_cut
    from ppo_cli.runs.reading import read_config
    from ppo_cli.runs.run_dir import RunDir

    means = [run["eval"]["mean"] for run in runs if run.get("eval") and run["status"] == "completed"]
    means = [mean for mean in means if mean is not None and math.isfinite(mean)]
    if len(means) < 2:
        return None
    config = read_config(RunDir(Path(str(runs[0]["run_dir"]))))
    whole = mean_interval(means)
    interval = cut(whole, payable(config.env_id, config.env_kwargs))
    numbers = {"mean": math.fsum(means) / len(means), "ci95": list(interval), "n_seeds": len(means)}
    return {**numbers, "why_cut": why_cut(whole, interval, len(means))}


def _show_table(runs: Sequence[Run]) -> None:
    console = stdout_console()
    named = [{**run, "name": _name(run)} for run in runs]
    mean = over_seeds(runs)
    console.print(training_table(named, mean, unicode=is_unicode(console)))
    if mean and mean["why_cut"]:
        stderr_console().print(
            clean(f"mean over seeds: its {mean['why_cut']}"), style="yellow", soft_wrap=True
        )
    for run in runs:
        console.print(clean(run["run_dir"]), soft_wrap=True)


def _say_failures(runs: Sequence[Run]) -> None:
    console = stderr_console()
    for run in runs:
        if run["status"] in ("diverged", "failed"):
            reason = f": {run['reason']}" if run.get("reason") else ""
            console.print(clean(f"{_name(run)} {run['status']}{reason}"), style="red", soft_wrap=True)


def _say_findings(runs: Sequence[Run]) -> None:
    """What is wrong with the runs, each illness once, with the first run that has it."""
    console = stderr_console()
    owners: dict[str, list[str]] = {}
    findings: dict[str, Mapping[str, str]] = {}
    for run in runs:
        for finding in run.get("diagnosis", ()):
            owners.setdefault(finding["name"], []).append(_name(run))
            findings.setdefault(finding["name"], finding)
    for name, finding in findings.items():
        who = f"{len(owners[name])} of {len(runs)} runs: " if len(runs) > 1 else ""
        console.print(clean(f"{who}{finding['sentence']}"), style="yellow", soft_wrap=True)
        console.print(clean(f"  {finding['evidence']}"), soft_wrap=True)
        console.print(clean(f"  try {finding['try']}"), soft_wrap=True)


def _say_resume(stopped: Sequence[Run], command: str) -> None:
    saved = any(any(Path(run["run_dir"], "checkpoints").glob("it-*")) for run in stopped)
    what = "the checkpoint is saved. To go on:" if saved else "nothing was saved yet. To begin again:"
    console = stderr_console()
    console.print(f"stopped; {what}", style="yellow")
    console.print(f"  {clean(command)}", soft_wrap=True)


def _say_next(runs: Sequence[Run]) -> None:
    console = stderr_console()
    console.print("next:", style="dim")
    for command in _next_commands(runs):
        console.print(f"  {clean(command)}", soft_wrap=True)


def _next_commands(runs: Sequence[Run]) -> list[str]:
    """Commands that make sense now, ready to be typed."""
    completed = [run for run in runs if run["status"] == "completed"]
    if not completed:
        return ["ppo list"]
    first = shlex.quote(str(completed[0]["run_dir"]))
    paths = [str(run["run_dir"]) for run in completed]
    longer = 2 * max(int(run.get("total_timesteps") or run["global_step"]) for run in completed)
    extended = resume_command(paths if len(paths) <= _MANY else paths[:1])
    consent = " --allow-import" if needs_consent(completed[0]["run_dir"]) else ""
    return [f"ppo eval {first}{consent}", f"ppo show {first}", f"{extended} --total-timesteps {longer}"]


def _name(run: Run) -> str:
    """The name of a run's folder."""
    return Path(str(run["run_dir"])).name
