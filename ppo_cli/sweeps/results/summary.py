"""``summary.json`` and ``results.csv`` of a sweep: its points, its claim, and what held-out seeds repeat."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ppo_cli.comparison.effects import Effect, effects
from ppo_cli.comparison.verdict import PointScores, sweep_sentence
from ppo_cli.errors import PpoError
from ppo_cli.runs.reading import UNFINISHED, UNREADABLE
from ppo_cli.sweeps.folder.sweep_dir import SweepDir
from ppo_cli.sweeps.results.point_result import PointResult, results_per_point
from ppo_cli.sweeps.results.run_result import FINAL, LOST, RunResult
from ppo_cli.sweeps.results.sweep_results import SweepResults
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec
from ppo_cli.version import __version__

_INCOMPLETE = "incomplete"
OBJECTIVE = "mean over seeds of the mean return of the final evaluation, by the environment's own reward"


def write_summary(results: SweepResults) -> None:
    """Write both files.

    Raises:
        StorageError: They cannot be written.
    """
    results.folder.write_results(results_csv(results))
    results.folder.write_summary(summary(results))


def summary(results: SweepResults) -> dict[str, Any]:
    """The sweep's document, as ``ppo sweep --json`` prints it."""
    spec, runs, held_out, points = results.spec, results.runs, results.held_out, results.points()
    return {
        "sweep_dir": str(results.folder.path),
        "env_id": spec.base.env_id,
        "objective": OBJECTIVE,
        "status": _status(runs),
        "search": spec.search,
        "params": {param.name: param.text for param in spec.params},
        "points": [point.to_json() for point in points],
        "best": _best(results.best(), held_out),
        "sentence": sentence(spec, points),
        "effects": [effect.to_json() for effect in effects_of(spec, points)],
        "importances": _importances(spec, points),
        "steps": _steps(runs),
        "failed": [_failure(run) for run in [*runs, *held_out] if run.status in LOST],
        "runs": [run.to_json() for run in runs],
        "held_out_runs": [run.to_json() for run in held_out],
        "version": __version__,
    }


def effects_of(spec: SweepSpec, points: Sequence[PointResult]) -> list[Effect]:
    """What each swept setting does to the return, and what two do together, of points not pruned."""
    if len(spec.env_ids) > 1:
        return []
    whole = [point for point in points if point.returns and not point.n_pruned]
    settings = {
        param.name: [dict(point.point.values).get(param.name) for point in whole for _ in point.returns]
        for param in spec.params
    }
    return effects(settings, [value for point in whole for value in point.returns])


def _importances(spec: SweepSpec, points: Sequence[PointResult]) -> dict[str, float]:
    """How much each swept setting matters, where that can be told."""
    if len(spec.params) < 2 or len(spec.env_ids) > 1:
        return {}
    from ppo_cli.sweeps.choose.optuna_search import importances

    return importances(spec.params, {point.point: point.mean for point in points if not point.n_pruned})


def describe_sweep(folder: SweepDir) -> dict[str, Any]:
    """A sweep's document as ``ppo list`` has it: its summary, or that there is none. A damaged sweep, too."""
    document: dict[str, Any] = {"sweep_dir": str(folder.path), "name": folder.name}
    try:
        written = folder.read_summary()
    except PpoError as error:
        return {**document, "status": UNREADABLE, "reason": error.message}
    if written is None:
        return {**document, "status": UNFINISHED, "points": [], "runs": [], "best": None}
    status = written.get("status")
    is_running = status == _INCOMPLETE and folder.is_locked()
    return {**written, **document, "status": "running" if is_running else status}


def sentence(spec: SweepSpec, points: Sequence[PointResult]) -> str:
    """Say which points differ from the default and which cannot be told apart; pruned ones are left out."""
    if len(spec.env_ids) > 1:
        return "Returns of different environments are not compared: each has its own scale."
    default = spec.default_point
    scores = [PointScores(result.point.label, result.returns) for result in points if not result.n_pruned]
    return sweep_sentence(scores, default.label if default else None)


def results_csv(results: SweepResults) -> str:
    """``results.csv``: one row per run, the swept settings in columns of their own."""
    names = [param.name for param in results.spec.params]
    columns = ("seed", "status", "eval_mean", "eval_std", "eval_episodes")
    more_columns = ("global_step", "wall_time", "reason", "run")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*names, *columns, *more_columns])
    for run in results.runs:
        values = run.planned.point.to_json()
        evaluation = run.summary.get("eval")
        numbers = evaluation if isinstance(evaluation, Mapping) and run.final is not None else {}
        row = [run.planned.seed, run.status, *(numbers.get(key) for key in ("mean", "std", "episodes"))]
        row += [run.global_step, round(run.wall_time, 3), run.reason, run.planned.name]
        writer.writerow([_cell(value) for value in [*(values.get(name) for name in names), *row]])
    return out.getvalue()


def _cell(value: object) -> object:
    """A value as a CSV cell: numbers exact, lists and flags as JSON, nothing for None."""
    if value is None or isinstance(value, str):
        return value or ""
    return repr(value) if isinstance(value, float) else json.dumps(value)


def _status(runs: Sequence[RunResult]) -> str:
    if any(run.status not in FINAL for run in runs):
        return _INCOMPLETE
    return "failed" if any(run.status in LOST for run in runs) else "completed"


def _best(best: PointResult | None, held_out: Sequence[RunResult]) -> dict[str, Any] | None:
    """The best point: what it claims, and what held-out seeds repeat."""
    if best is None:
        return None
    claimed = {name: best.to_json()[name] for name in ("point", "label", "mean", "ci95", "n_seeds")}
    repeated = next((result for result in results_per_point(held_out) if result.returns), None)
    if repeated is None:
        return {**claimed, "held_out": None}
    names = ("mean", "ci95", "n_seeds", "returns", "seeds")
    return {**claimed, "held_out": {name: repeated.to_json()[name] for name in names}}


def _steps(runs: Sequence[RunResult]) -> dict[str, int]:
    """Environment steps done, and those that all runs would have taken without pruning."""
    configs = [run.planned.config for run in runs]
    return {
        "done": sum(run.global_step for run in runs),
        "unpruned": sum(config.num_iterations * config.steps_per_iteration for config in configs),
    }


def _failure(run: RunResult) -> dict[str, Any]:
    planned = run.planned
    about = {"run": planned.name, "point": planned.point.to_json(), "seed": planned.seed}
    return about | {"status": run.status, "reason": run.reason}
