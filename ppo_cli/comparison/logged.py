"""The curves that a run has logged, by the name of their column."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ppo_cli.errors import UsageError
from ppo_cli.runs.logs import MAX_BYTES, read_columns
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.storage.files import corrupt, read_file

RETURN = "eval/return"
"""The mean return of the final evaluation, by the environment's own reward."""
TRAINING_RETURN = "rollout/episode_return"
_STEP = "global_step"
_NO_METRICS = ("iteration", _STEP)
_EVAL = "eval/"  # before the columns of eval.csv


@dataclass(frozen=True)
class Curve:
    """A number over training.

    Attributes:
        steps: Environment steps of each point, increasing.
        values: The number at each point, finite.
    """

    steps: tuple[float, ...]
    values: tuple[float, ...]


def return_curve(run: RunDir) -> tuple[Curve, str]:
    """The evaluations during training, or else the training episodes; and which of the two.

    Raises:
        CorruptFileError: A file is damaged.
    """
    curve = _curve(run.eval_path, "mean")
    if curve.steps:
        return curve, RETURN
    return _curve(run.metrics_path, TRAINING_RETURN), TRAINING_RETURN


def logged_curve(run: RunDir, metric: str) -> Curve:
    """The curve of a logged column.

    The steps of a column of ``monitor.csv`` are those of the episodes that had ended.

    Args:
        run: The run.
        metric: A column of ``metrics.csv``, one of ``eval.csv`` as ``eval/min``, or one of ``monitor.csv``.

    Raises:
        UsageError: The run has no such column.
        CorruptFileError: A file is damaged.
    """
    if metric in _NO_METRICS:
        raise UsageError(
            f"{metric} counts; it is no metric", hint="--metric rollout/episode_return", key="metric"
        )
    if metric in _header(run.metrics_path):
        return _curve(run.metrics_path, metric)
    column = metric.removeprefix(_EVAL)
    if metric.startswith(_EVAL) and column in _header(run.eval_path) and column not in _NO_METRICS:
        return _curve(run.eval_path, column)
    if metric in _header(run.monitor_path):
        return _monitor_curve(run.monitor_path, metric)
    raise _unknown(run, metric)


def metrics_of(run: RunDir) -> list[str]:
    """The names of everything that a run can be judged by."""
    metrics = [name for name in _header(run.metrics_path) if name not in _NO_METRICS]
    evaluations = [f"{_EVAL}{name}" for name in _header(run.eval_path) if name not in _NO_METRICS]
    return list(dict.fromkeys([RETURN, *metrics, *evaluations, *_header(run.monitor_path)]))


def _curve(path: Path, column: str) -> Curve:
    """The points of a column at which there is a number."""
    columns = read_columns(path, *dict.fromkeys((_STEP, column)))
    steps, values = columns[_STEP], columns[column]
    if not all(map(math.isfinite, steps)):
        raise corrupt(path, f"is damaged: a row has no {_STEP}")
    if any(later < sooner for sooner, later in itertools.pairwise(steps)):
        raise corrupt(path, f"is damaged: {_STEP} goes back")
    return _finite(steps, values)


def _monitor_curve(path: Path, column: str) -> Curve:
    columns = read_columns(path, *dict.fromkeys(("l", column)))
    if not all(length >= 0 for length in columns["l"]):
        raise corrupt(path, "is damaged: a row has no length")
    return _finite(list(itertools.accumulate(columns["l"])), columns[column])


def _finite(steps: Sequence[float], values: Sequence[float]) -> Curve:
    points = [point for point in zip(steps, values, strict=True) if math.isfinite(point[1])]
    return Curve(tuple(step for step, _ in points), tuple(value for _, value in points))


def _header(path: Path) -> list[str]:
    """The names of the columns of a log; none while it is not there."""
    try:
        text = read_file(path, MAX_BYTES).decode("utf-8", "replace")
    except UsageError:
        return []
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    try:
        return next(csv.reader(lines), [])
    except csv.Error as error:
        raise corrupt(path, f"is damaged: {error}") from None


def _unknown(run: RunDir, metric: str) -> UsageError:
    names = metrics_of(run)
    near = get_close_matches(metric, names, n=3, cutoff=0.5)
    near = near or [name for name in names if metric and metric in name][:3]
    listed = f"it has {', '.join(names)}"
    hint = f"did you mean {' or '.join(near)}? {listed}" if near else listed
    return UsageError(f"{run.name} has not logged {metric[:100]!r}", hint=hint, key="metric")
