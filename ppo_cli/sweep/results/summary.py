"""``summary.json`` and ``results.csv`` of a sweep: its points, its claim, and what held-out seeds repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ppo_cli import __version__
from ppo_cli.compare.verdict import PointScores, sweep_sentence
from ppo_cli.sweep.results.results import (
    FINAL,
    LOST,
    PointResult,
    RunResult,
    best_point,
    by_point,
    results_csv,
)
from ppo_cli.sweep.results.sweep_dir import SweepDir
from ppo_cli.sweep.spec.spec import SweepSpec

OBJECTIVE = "mean over seeds of the mean return of the final evaluation, by the environment's own reward"


def write_summary(
    folder: SweepDir, spec: SweepSpec, runs: Sequence[RunResult], held_out: Sequence[RunResult]
) -> dict[str, Any]:
    """Write both files; the document of ``summary.json``.

    Args:
        folder: The sweep's folder.
        spec: What is swept.
        runs: Its runs.
        held_out: The runs that check the best point.

    Raises:
        StorageError: They cannot be written.
    """
    document = summary(folder, spec, runs, held_out)
    folder.write_results(results_csv([param.name for param in spec.params], runs))
    folder.write_summary(document)
    return document


def summary(
    folder: SweepDir, spec: SweepSpec, runs: Sequence[RunResult], held_out: Sequence[RunResult]
) -> dict[str, Any]:
    """The sweep's document, as ``ppo sweep --json`` prints it."""
    points = by_point(runs)
    lost = [run for run in [*runs, *held_out] if run.status in LOST]
    return {
        "sweep_dir": str(folder.path),
        "env_id": spec.base.env_id,
        "objective": OBJECTIVE,
        "status": _status(runs),
        "search": spec.search,
        "params": {param.name: param.text for param in spec.params},
        "points": [point.to_json() for point in points],
        "best": _best(points, held_out) if len(spec.env_ids) == 1 else None,
        "sentence": sentence(spec, points),
        "steps": _steps(runs),
        "failed": [
            {"run": run.planned.name, "point": run.planned.point.to_json(), "seed": run.planned.seed}
            | {"status": run.status, "reason": run.reason}
            for run in lost
        ],
        "runs": [run.to_json() for run in runs],
        "held_out_runs": [run.to_json() for run in held_out],
        "version": __version__,
    }


def sentence(spec: SweepSpec, points: Sequence[PointResult]) -> str:
    """Which points differ from the default, and which cannot be told apart from it; not of pruned ones."""
    if len(spec.env_ids) > 1:
        return "Returns of different environments are not compared: each has its own scale."
    default = spec.default_point
    scores = [PointScores(one.point.label, one.returns) for one in points if not one.n_pruned]
    return sweep_sentence(scores, default.label if default else None)


def _status(runs: Sequence[RunResult]) -> str:
    if any(run.status not in FINAL for run in runs):
        return "incomplete"
    return "failed" if any(run.status in LOST for run in runs) else "completed"


def _best(points: Sequence[PointResult], held_out: Sequence[RunResult]) -> dict[str, Any] | None:
    best = best_point(points)
    if best is None:
        return None
    claimed = {name: best.to_json()[name] for name in ("point", "label", "mean", "ci95", "n_seeds")}
    repeated = next((one for one in by_point(held_out) if one.returns), None)
    if repeated is None:
        return {**claimed, "held_out": None}
    names = ("mean", "ci95", "n_seeds", "returns", "seeds")
    return {**claimed, "held_out": {name: repeated.to_json()[name] for name in names}}


def _steps(runs: Sequence[RunResult]) -> dict[str, int]:
    """Environment steps done, and those that all runs would have taken without pruning."""
    done = sum(run.global_step for run in runs)
    return {"done": done, "unpruned": sum(_whole(run) for run in runs)}


def _whole(run: RunResult) -> int:
    config = run.planned.config
    return config.num_iterations * config.steps_per_iteration
