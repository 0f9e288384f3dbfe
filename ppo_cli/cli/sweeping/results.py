"""How ``ppo sweep`` ends: results to stdout, failures and what to do next to stderr, and the exit code."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.cli.terminal.output import print_json
from ppo_cli.cli.terminal.signals import Stop
from ppo_cli.comparison.effects import Effect, effects_sentence
from ppo_cli.errors import SweepFailedError
from ppo_cli.report.console import is_unicode, stderr_console, stdout_console
from ppo_cli.report.numbers import count, interval
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from rich.console import Console

    from ppo_cli.sweeps.folder.sweep_dir import SweepDir
    from ppo_cli.sweeps.results.point_result import PointResult

Document = Mapping[str, Any]
"""A sweep's document, as ``ppo_cli.sweep`` returns it."""


def show_sweep(document: Document, *, stopped: bool, resume: str, quiet: bool, as_json: bool) -> None:
    """Print what became of a sweep, and the commands that make sense now.

    Args:
        document: The sweep.
        stopped: Whether a signal has stopped it.
        resume: The command that goes on with it.
        quiet: Whether to leave the next commands out where nothing has gone wrong.
        as_json: Whether to print the document.
    """
    if as_json:
        print_json(document)
    else:
        from ppo_cli.sweeps.folder.sweep_dir import SweepDir

        console = stdout_console()
        show_results(console, document)
        for path in (SweepDir(Path(document["sweep_dir"])).results_path, *document["plots"]):
            console.print(clean(path), soft_wrap=True)
    console = stderr_console()
    for run in document["failed"]:
        text = f"{run['run']} {run['status']}: {run['reason']}"
        console.print(clean(text), style="red", soft_wrap=True)
    if stopped:
        console.print("stopped; the checkpoints are saved. To go on:", style="yellow")
        console.print(f"  {clean(resume)}", soft_wrap=True)
    elif not as_json and not quiet:
        console.print("next:", style="dim")
        for command in _next_commands(document, resume):
            console.print(f"  {clean(command)}", soft_wrap=True)


def show_results(console: Console, document: Document) -> None:
    """Print a sweep's table and what it says."""
    from ppo_cli.report.sweep_tables import results_table
    from ppo_cli.sweeps.results.point_result import PointResult, best_first

    unicode = is_unicode(console)
    points = [PointResult.from_json(point) for point in document["points"]]
    points = points if document["search"] == "grid" else best_first(points)
    console.print(results_table(points, width=console.width, unicode=unicode))
    for line in (
        _cut_text(points),
        document["sentence"],
        effects_sentence([Effect.from_json(effect) for effect in document.get("effects", [])]),
        _importance_text(document),
        _best_text(document, unicode=unicode),
        _saved_text(document),
    ):
        if line:
            console.print(clean(line), soft_wrap=not console.is_terminal)


def show_sweep_folder(folder: SweepDir, *, as_json: bool) -> None:
    """Print what a sweep came to, as its folders stand."""
    from ppo_cli.sweeps.results.summary import summary
    from ppo_cli.sweeps.results.sweep_results import read_sweep

    document = summary(read_sweep(folder))
    if as_json:
        print_json(document)
    else:
        show_results(stdout_console(), document)


def exit_code(document: Document, stop: Stop) -> int:
    """The exit code: the signal's, else 6 if runs were lost, else 0."""
    if stop():
        return stop.exit_code
    return SweepFailedError.exit_code if document["failed"] else 0


def _best_text(document: Document, *, unicode: bool) -> str:
    """The best point: what the sweep claims, and what held-out seeds repeat."""
    best = document["best"]
    if best is None:
        return ""
    claimed = f"{_mean(best, unicode)} over {_seeds(best, '')}"
    text = f"Best: {best['label']}, {claimed} (chosen by the {document['objective']})."
    held_out = best["held_out"]
    if held_out is None:
        return f"{text} Not tried on held-out seeds: expect less than it claims."
    return f"{text} On {_seeds(held_out, 'held-out ')} it repeats {_mean(held_out, unicode)}."


def _cut_text(points: Sequence[PointResult]) -> str:
    """Why intervals are cut: of the first point, and how many others."""
    whys = [f"{point.point.text}: its {why}" for point in points if (why := point.why_cut)]
    more = f" So it is with {len(whys) - 1} more of {len(points)} points." if len(whys) > 1 else ""
    return f"{whys[0]}.{more}" if whys else ""


def _importance_text(document: Document) -> str:
    """Which of several swept settings mattered, and by how much."""
    shares = document.get("importances") or {}
    if not shares:
        return ""
    listed = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return f"What mattered for being among the better points (PED-ANOVA): {listed}."


def _seeds(numbers: Mapping[str, Any], kind: str) -> str:
    return f"{numbers['n_seeds']} {kind}seed{'' if numbers['n_seeds'] == 1 else 's'}"


def _mean(numbers: Mapping[str, Any], unicode: bool) -> str:
    low, high = numbers["ci95"]
    return interval(numbers["mean"], low, high, "±" if unicode else "+/-")


def _saved_text(document: Document) -> str:
    """Say what pruning saved."""
    steps = document["steps"]
    pruned = sum(point["pruned"] for point in document["points"])
    if not pruned:
        return ""
    saved = 1 - steps["done"] / max(1, steps["unpruned"])
    return (
        f"Pruning stopped {pruned} runs: {count(steps['done'])} steps instead of {count(steps['unpruned'])}, "
        f"{saved:.0%} saved."
    )


def _next_commands(document: Document, resume: str) -> list[str]:
    """Commands that make sense now, ready to be typed."""
    folder = shlex.quote(document["sweep_dir"])
    retry = [f"{resume} --retry-failed"] if document["failed"] else []
    from ppo_cli.api.sweep import needs_consent  # which loads Gymnasium

    consent = " --allow-import" if needs_consent(document["sweep_dir"]) else ""
    train = [f"ppo train --from-sweep {folder}{consent}"] if document["best"] else []
    return [*retry, *train, f"ppo show {folder}"]
