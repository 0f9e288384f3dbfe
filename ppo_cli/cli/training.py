"""The session behind ``ppo train``: run the loop, feed the view, tell the results and what to do next."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.cli.terminal.output import print_json
from ppo_cli.cli.terminal.signals import Stop
from ppo_cli.errors import DivergedError, StorageError
from ppo_cli.report.console import is_unicode, stderr_console, stdout_console
from ppo_cli.report.progress import make_view
from ppo_cli.report.tables import training_table
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from ppo_cli.learn.iteration_report import IterationReport, MemberReport
    from ppo_cli.learn.population import Member, Population
    from ppo_cli.runs.run_dir import RunDir

_MANY = 4  # beyond this many runs the next commands name one of them


class Training:
    """One ``ppo train``.

    Args:
        populations: What to train, one after the other.
        notices: What to say before it starts.
        stop: Whether a signal asked for a stop.
        allow_import: Whether it was given, so that the resume command repeats it.
        quiet: Whether to show no progress.
        as_json: Whether the result is a JSON document.
    """

    def __init__(
        self,
        populations: Sequence[Population],
        notices: Sequence[str],
        stop: Stop,
        *,
        allow_import: bool,
        quiet: bool,
        as_json: bool,
    ) -> None:
        self._populations = populations
        self._notices = notices
        self._stop = stop
        self._allow_import = allow_import
        self._quiet = quiet
        self._as_json = as_json

    def run(self) -> int:
        """Train, print the results, and return the exit code."""
        runs: list[dict[str, Any]] = []
        for index, population in enumerate(self._populations):
            if self._stop():
                runs += [
                    _result(member, None, None)
                    for left in self._populations[index:]
                    for member in left.members
                ]
                break
            runs += self._train(population, first=index == 0)
        self._show(runs)
        return exit_code(runs, self._stop)

    def _train(self, population: Population, *, first: bool) -> list[dict[str, Any]]:
        """Train one population and read what its runs became."""
        from ppo_cli.learn.trainer import train

        view = make_view(title(population), quiet=self._quiet, stopping=self._stop)
        last: IterationReport | None = None
        view.start()
        try:
            for message in (*(self._notices if first else ()), *population.notices):
                view.notice(message)
            for last in train(replace(population, notices=()), stop=self._stop):
                view.update(last)
        except StorageError as error:
            go_on = f"Then go on: {self._resume_command(_paths(population))}"
            error.hint = f"{error.hint} {go_on}" if error.hint else go_on
            raise
        finally:
            view.stop()
        reports = {_key(report): report for report in last.members} if last is not None else {}
        return [_result(member, reports.get(_key(member)), last) for member in population.members]

    def _show(self, runs: list[dict[str, Any]]) -> None:
        """Results to stdout; what to do next to stderr."""
        stopped = [run["run_dir"] for run in runs if run["status"] == "interrupted"]
        resume = self._resume_command(stopped) if stopped else None
        if self._as_json:
            print_json({"runs": runs, **({"resume": resume} if resume else {})})
        else:
            console = stdout_console()
            table = training_table(
                [named(run) for run in runs], over_seeds(runs), unicode=is_unicode(console)
            )
            console.print(table)
            for run in runs:
                console.print(f"{clean(run['run_dir'])}", soft_wrap=True)
        self._say_next(runs, resume)

    def _say_next(self, runs: list[dict[str, Any]], resume: str | None) -> None:
        console = stderr_console()
        for run in runs:
            if run["status"] in ("diverged", "failed"):
                reason = f": {run['reason']}" if run.get("reason") else ""
                console.print(
                    clean(f"{named(run)['name']} {run['status']}{reason}"), style="red", soft_wrap=True
                )
        if resume:
            saved = any(_has_checkpoint(run) for run in runs if run["status"] == "interrupted")
            what = "the checkpoint is saved. To go on:" if saved else "nothing was saved yet. To begin again:"
            console.print(f"stopped; {what}", style="yellow")
            console.print(f"  {clean(resume)}", soft_wrap=True)
        elif not self._as_json and not self._quiet:
            console.print("next:", style="dim")
            for command in self._next_commands(runs):
                console.print(f"  {clean(command)}", soft_wrap=True)

    def _next_commands(self, runs: list[dict[str, Any]]) -> list[str]:
        """Commands that make sense now, ready to be typed."""
        completed = [run for run in runs if run["status"] == "completed"]
        if not completed:
            return ["ppo list"]
        one = shlex.quote(str(completed[0]["run_dir"]))
        paths = [str(run["run_dir"]) for run in completed]
        longer = 2 * max(int(run.get("total_timesteps") or run["global_step"]) for run in completed)
        extended = self._resume_command(paths if len(paths) <= _MANY else paths[:1])
        consent = " --allow-import" if self._allow_import else ""
        return [f"ppo eval {one}{consent}", f"ppo show {one}", f"{extended} --total-timesteps {longer}"]

    def _resume_command(self, run_dirs: Sequence[str]) -> str:
        words = ["ppo", "train", *(word for path in run_dirs for word in ("--resume", str(path)))]
        return shlex.join([*words, *(["--allow-import"] if self._allow_import else [])])


def title(population: Population) -> str:
    """What is trained, in a line."""
    members = population.members
    config = members[0].config
    about = f"{config.env_id}  {config.algorithm}"
    if len(members) > 1:
        return f"{about}  {len(members)} members"
    name = members[0].name
    return name if name.startswith(config.env_id) else f"{name}  {about}"


def exit_code(runs: Sequence[dict[str, Any]], stop: Stop) -> int:
    """The exit code: the signal's, else 3 for a diverged run, else 1 for a failed one, else 0."""
    statuses = {run["status"] for run in runs}
    if "interrupted" in statuses and stop():
        return stop.exit_code
    if "diverged" in statuses:
        return DivergedError.exit_code
    return 1 if "failed" in statuses else 0


def over_seeds(runs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Mean of the runs' evaluation means with a 95 % interval over seeds; None for fewer than two."""
    from ppo_cli.runs.eval_stats import mean_interval

    means = [run["eval"]["mean"] for run in runs if run.get("eval") and run["status"] == "completed"]
    means = [mean for mean in means if mean is not None and math.isfinite(mean)]
    if len(means) < 2:
        return None
    return {"mean": math.fsum(means) / len(means), "ci95": list(mean_interval(means)), "n_seeds": len(means)}


def named(run: dict[str, Any]) -> dict[str, Any]:
    """A run's summary with the name of its folder."""
    return {**run, "name": Path(str(run["run_dir"])).name}


def _paths(population: Population) -> list[str]:
    return [str(member.run_dir.path) for member in population.members if member.run_dir is not None]


def _key(one: Member | MemberReport) -> RunDir | str:
    """What tells a run from the others: its folder, for names may be equal in different places."""
    return one.run_dir or one.name


def _has_checkpoint(run: dict[str, Any]) -> bool:
    """Whether there is something to go on from."""
    return any(Path(run["run_dir"], "checkpoints").glob("it-*"))


def _result(member: Member, report: MemberReport | None, last: IterationReport | None) -> dict[str, Any]:
    """A run's document: what the trainer told, completed by the summary that it wrote."""
    told = _untouched(member)
    if report is not None and last is not None:
        told |= {
            "status": "interrupted" if report.status == "training" else report.status,
            "global_step": last.global_step,
            "wall_time": last.wall_time,
            "steps_per_second": last.steps_per_second,
            "reason": report.reason,
        }
    written = member.run_dir.read_summary() if member.run_dir is not None else None
    return {**told, **(written or {}), "run_dir": told["run_dir"], "status": told["status"]}


def _untouched(member: Member) -> dict[str, Any]:
    """The document of a run that was not trained in this session."""
    return {
        "run_dir": str(member.run_dir.path) if member.run_dir is not None else member.name,
        "env_id": member.config.env_id,
        "algorithm": member.config.algorithm,
        "seed": member.config.seed,
        "status": "interrupted",
        "global_step": 0,
        "wall_time": 0.0,
        "steps_per_second": 0.0,
        "eval": None,
    }
