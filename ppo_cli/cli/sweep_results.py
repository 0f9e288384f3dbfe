"""What ``ppo sweep`` shows at its end: the table, the sentence, what held-out seeds repeat, and the plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.report.console import stderr_console
from ppo_cli.report.numbers import count, interval
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from rich.console import Console

    from ppo_cli.sweep.results.results import PointResult, RunResult
    from ppo_cli.sweep.runner import SweepRunner


def show_results(
    console: Console, document: Mapping[str, Any], points: list[PointResult], *, unicode: bool
) -> None:
    """Print a sweep's table and what it says.

    Args:
        console: Where to.
        document: The sweep's document.
        points: Its points.
        unicode: Whether ``±`` can be shown.
    """
    from ppo_cli.report.sweep_tables import results_table
    from ppo_cli.sweep.results.results import by_merit

    points = points if document["search"] == "grid" else by_merit(points)

    console.print(results_table(points, width=console.width, unicode=unicode))
    for line in (document["sentence"], _best_text(document, unicode=unicode), _saved_text(document)):
        if line:
            console.print(clean(line), soft_wrap=not console.is_terminal)


def _best_text(document: Mapping[str, Any], *, unicode: bool) -> str:
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


def _seeds(numbers: Mapping[str, Any], kind: str) -> str:
    return f"{numbers['n_seeds']} {kind}seed{'' if numbers['n_seeds'] == 1 else 's'}"


def _mean(numbers: Mapping[str, Any], unicode: bool) -> str:
    low, high = numbers["ci95"]
    return interval(numbers["mean"], low, high, "±" if unicode else "+/-")


def _saved_text(document: Mapping[str, Any]) -> str:
    """What pruning saved."""
    steps = document["steps"]
    pruned = sum(point["pruned"] for point in document["points"])
    if not pruned:
        return ""
    saved = 1 - steps["done"] / max(1, steps["unpruned"])
    return (
        f"Pruning stopped {pruned} runs: {count(steps['done'])} steps instead of {count(steps['unpruned'])}, "
        f"{saved:.0%} saved."
    )


def write_plots(runner: SweepRunner) -> list[Path]:
    """Draw the sweep; the PNG files written, none where matplotlib is not installed (which is said)."""
    from ppo_cli.envs.factory import env_spec
    from ppo_cli.sweep.results.results import by_point

    spec, runs = runner.spec, runner.runs()
    try:
        from ppo_cli.report.plots import learning_curves, sensitivity

        config, one = spec.base, len(spec.env_ids) == 1
        mark = env_spec(config.env_id, config.env_kwargs).reward_threshold if one else None
        what = config.env_id if one else f"{len(spec.env_ids)} environments"
        path = runner.folder.path
        points = by_point(runs)
        figures = [
            sensitivity(
                path / "sensitivity.png", spec.params, points, spec.default_point, what, threshold=mark
            ),
            learning_curves(
                path / "learning_curves.png",
                _curves(runs),
                title=f"{what}: return while training",
                ylabel="episode return, evaluations while training",
                threshold=mark,
            ),
        ]
    except UsageError as error:
        stderr_console().print(clean(f"{error.message}; {error.hint}"), style="yellow", soft_wrap=True)
        return []
    return [png for png, _ in figures]


def _curves(runs: list[RunResult]) -> dict[str, list[Any]]:
    """Steps and evaluation means of every run, by point."""
    import numpy as np

    from ppo_cli.runs.logs import read_columns

    found: dict[str, list[Any]] = {}
    for run in runs:
        try:
            columns = read_columns(run.run_dir.eval_path, "global_step", "mean")
        except CorruptFileError:
            continue
        if columns["mean"]:
            pair = tuple(np.array(column) for column in columns.values())
            found.setdefault(run.planned.point.label, []).append(pair)
    return found
