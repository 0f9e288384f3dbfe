"""Learning curves of groups of runs as data of the page: every logged metric, on one grid of steps.

A curve is drawn at some hundred steps however long it is, and only the first groups are drawn, so that the
page stays small whatever it is made from. What was left out is said.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.errors import CorruptFileError
from ppo_cli.html.heads import first_lines
from ppo_cli.metrics import METRICS, TERM_PREFIX
from ppo_cli.report.numbers import count
from ppo_cli.report.plotting.curves import Seeds, mean_curve
from ppo_cli.runs.logs import read_columns
from ppo_cli.runs.run_dir import RunDir

Floats = NDArray[np.float64]

MOST_GROUPS = 10
MOST_SEEDS = 10
EVALUATION = "evaluation while training"
_MOST_METRICS = 60
_FINEST, _COARSEST = 200, 40
_NUMBERS = 250_000  # on the page; a number takes about six bytes
_DIGITS = 5
_SAME = "eval/episode_return"  # what eval.csv says too
_RETURNS = (EVALUATION, _SAME, "rollout/episode_return")
_AXES = ("iteration", "global_step")
_MEANINGS = {metric.name: metric.meaning for metric in METRICS}


@dataclass(frozen=True)
class Series:
    """Runs that are one line of the chart.

    Attributes:
        name: What the line is called.
        runs: Its runs, one per seed.
        seeds: Their seeds.
    """

    name: str
    runs: tuple[RunDir, ...]
    seeds: tuple[int, ...]


def curves_data(series: Sequence[Series]) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The curves of at most :data:`MOST_GROUPS` groups, and what was left out of them.

    Args:
        series: The groups, in the order of the legend.

    Returns:
        ``{"steps": [G], "metrics": [{"name", "meaning", "isTerm", "isReturn"}], "series": [{"name", "seeds",
        "curves": [of each metric: null or {"mean", "low", "high": [G], "seeds": [S][G]}]}]}``, with null for
        what is not there; None where no run has logged anything. Then sentences for the reader.
    """
    drawn = series[:MOST_GROUPS]
    read = [[_read_run(run) for run in line.runs] for line in drawn]
    names = _metric_names(read)
    tables = {name: [_of_metric(runs, name) for runs in read] for name in names}
    tables = {name: groups for name, groups in tables.items() if any(map(_reaches, groups))}
    if not tables:
        return None, ()
    names = list(tables)
    rows = len(names) * sum(3 + min(len(line.runs), MOST_SEEDS) for line in drawn)
    grid = _grid([pair for groups in tables.values() for seeds in groups for pair in seeds], rows)
    groups = [
        {
            "name": line.name,
            "seeds": list(line.seeds[:MOST_SEEDS]),
            "curves": [_curve(tables[name][index], grid) for name in names],
        }
        for index, line in enumerate(drawn)
    ]
    metrics = [_metric(name) for name in names]
    return {"steps": [round(step) for step in grid.tolist()], "metrics": metrics, "series": groups}, _notes(
        series, len(grid)
    )


def _metric(name: str) -> dict[str, Any]:
    is_term = name.startswith(TERM_PREFIX)
    meaning = "the environment's own reward, mean over episodes that only evaluate"
    if name != EVALUATION:
        term = "term of the shaped reward, mean per step, without its weight" if is_term else ""
        meaning = _MEANINGS.get(name, term)
    return {"name": name, "meaning": meaning, "isTerm": is_term, "isReturn": name in _RETURNS}


def _notes(series: Sequence[Series], points: int) -> tuple[str, ...]:
    notes = [f"Curves are thinned to {points} steps."]
    if len(series) > MOST_GROUPS:
        notes.insert(0, f"Drawn are {MOST_GROUPS} of {count(len(series))} groups; the table has them all.")
    if any(len(line.runs) > MOST_SEEDS for line in series[:MOST_GROUPS]):
        notes.append(f"Of the single seeds of a group the first {MOST_SEEDS} are drawn; means are of all.")
    return tuple(notes)


def _read_run(run: RunDir) -> Mapping[str, tuple[Floats, Floats]]:
    """Steps and values of each metric that a run has logged; nothing of a damaged file."""
    evaluations: dict[str, tuple[Floats, Floats]] = {}
    try:
        columns = read_columns(run.eval_path, "global_step", "mean")
        evaluations[EVALUATION] = _pair(columns["global_step"], columns["mean"])
        names = _header(run)
        columns = read_columns(run.metrics_path, *names)
    except (CorruptFileError, csv.Error):
        return evaluations
    logged = {name: _pair(columns["global_step"], columns[name]) for name in names if name not in _AXES}
    if evaluations[EVALUATION][0].size:
        logged.pop(_SAME, None)
    return evaluations | logged


def _header(run: RunDir) -> list[str]:
    """The columns of ``metrics.csv``, without those that repeat."""
    names = next(csv.reader(first_lines(run.metrics_path)[:1]), [])
    return list(dict.fromkeys(names)) if "global_step" in names else []


def _pair(steps: Sequence[float], values: Sequence[float]) -> tuple[Floats, Floats]:
    """The part of a curve that is finite, in the order of its steps; files of strangers hold anything."""
    x, y = np.array(steps, dtype=float), np.array(values, dtype=float)
    there = (np.abs(x) < 1e15) & (np.abs(y) < 1e30)
    order = np.argsort(x[there], kind="stable")
    return x[there][order], y[there][order]


def _metric_names(groups: Sequence[Sequence[Mapping[str, Any]]]) -> list[str]:
    """List what any run has logged: the evaluation first, then in the order of the files."""
    names = dict.fromkeys(name for runs in groups for run in runs for name in run)
    return sorted(names, key=lambda name: name != EVALUATION)[:_MOST_METRICS]


def _of_metric(runs: Sequence[Mapping[str, tuple[Floats, Floats]]], name: str) -> list[tuple[Floats, Floats]]:
    empty = np.empty(0)
    return [run.get(name, (empty, empty)) for run in runs]


def _reaches(seeds: Seeds) -> bool:
    return any(steps.size for steps, _ in seeds)


def _grid(curves: Seeds, rows: int) -> Floats:  # [G]
    """Common steps, the fewer the more rows of numbers there are."""
    first = min(steps.min() for steps, _ in curves if steps.size)
    last = max(steps.max() for steps, _ in curves if steps.size)
    longest = max(len(np.unique(steps)) for steps, _ in curves)
    points = max(_COARSEST, min(_FINEST, _NUMBERS // rows))
    return np.linspace(first, last, points) if longest > 1 else np.array([first])


def _curve(seeds: Seeds, grid: Floats) -> dict[str, Any] | None:
    """The mean over seeds on the grid, its interval where all seeds are there, and the single seeds."""
    curve = mean_curve(seeds, points=len(grid))
    if curve is None:
        return None
    whole = np.where(curve.is_whole & np.isfinite(curve.low), 1.0, np.nan)
    mean, low, high = (
        _on_grid(grid, curve.steps, values) for values in (curve.mean, curve.low * whole, curve.high * whole)
    )
    numbers: dict[str, Any] = {"mean": _numbers(mean)}
    if np.isfinite(low).any():
        numbers |= {"low": _numbers(low), "high": _numbers(high)}
    if len(seeds) > 1:
        numbers["seeds"] = [_numbers(_on_grid(grid, *pair)) for pair in seeds[:MOST_SEEDS]]
    return numbers


def _on_grid(grid: Floats, steps: Floats, values: Floats) -> Floats:  # [G]
    """Linear in between, nothing outside; a curve that is one point stays at the step next to it."""
    if steps.size == 0:
        return np.full(len(grid), np.nan)
    if steps.size == 1:
        nearest = np.argmin(np.abs(grid - steps[0]))
        return np.where(np.arange(len(grid)) == nearest, values[0], np.nan)
    return np.interp(grid, steps, values, left=np.nan, right=np.nan)


def _numbers(values: Floats) -> list[float | None]:
    """Round numbers for JSON: five digits are more than a screen shows; null for what is not there."""
    return [_rounded(value) if math.isfinite(value) else None for value in values.tolist()]


def _rounded(value: float) -> float:
    rounded = float(f"{value:.{_DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
