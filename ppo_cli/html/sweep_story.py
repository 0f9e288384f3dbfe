"""The report on a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppo_cli.comparison.effects import Effect
from ppo_cli.diagnosis.diagnose import diagnose_run, of_group
from ppo_cli.envs.registry import solved_at
from ppo_cli.errors import UsageError
from ppo_cli.html.cells import (
    count_cell,
    counted,
    interval_cell,
    interval_text,
    lasted,
    number_cell,
    seeds_text,
    shown,
    status_cell,
    statuses_text,
    text_cell,
    time_cell,
)
from ppo_cli.html.content import Card, Cell, Column, Command, Report, Table
from ppo_cli.html.curves import MOST_GROUPS, Series, curves_data
from ppo_cli.html.effects import effects_tables
from ppo_cli.html.heads import newest_date
from ppo_cli.html.provenance import command, made_by, versions_tables
from ppo_cli.html.sensitivity import sensitivity_charts
from ppo_cli.html.settings import settings_tables
from ppo_cli.report.numbers import count, plural
from ppo_cli.sweeps.folder.sweep_dir import SweepDir
from ppo_cli.sweeps.results.point_result import PointResult, best_first
from ppo_cli.sweeps.results.run_result import COMPLETED, RunResult
from ppo_cli.sweeps.results.summary import summary
from ppo_cli.sweeps.results.sweep_results import read_sweep
from ppo_cli.sweeps.spec.points import Point
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec

_MOST_POINTS = 2000
_MOST_RUNS = 2000


def sweep_report(folder: SweepDir, this: Sequence[str]) -> tuple[Report, tuple[Series, ...]]:
    """The report on a sweep, as its folders stand.

    Args:
        folder: The sweep.
        this: All words of the command that writes this page.

    Returns:
        The report without its pictures, and the points as they are drawn, the best ones if there are many.

    Raises:
        UsageError, CorruptFileError: Its ``sweep.yaml`` is wrong or damaged, or it has no runs yet.
    """
    results = read_sweep(folder)
    spec, runs = results.spec, results.runs
    present = [run for run in runs if run.run_dir.path.is_dir()]
    if not present:
        hint = f"go on with it: ppo sweep --resume {folder.name}"
        raise UsageError(f"{folder.path} has no runs yet", hint=hint, file=folder.path)
    points, document = results.points(), summary(results)
    mark = solved_at(spec.base.env_id) if len(spec.env_ids) == 1 else None
    series = _series(points, present, spec.default_point)
    data, notes = curves_data(series)
    summaries = [run.summary for run in present]
    return Report(
        title=folder.name,
        about=_about(spec, points, runs, newest_date(run.run_dir for run in present)),
        verdict=f"{document['sentence']} {_best_text(document)}".strip(),
        cards=_cards(document, runs),
        results=(
            _points_table(spec, points),
            *effects_tables([Effect.from_json(effect) for effect in document["effects"]]),
            _runs_table(runs, results.held_out),
        ),
        sensitivity=sensitivity_charts(spec.params, points, spec.default_point, mark),
        curves=data,
        curves_notes=_curves_notes(points, notes),
        threshold=mark,
        settings=settings_tables(list(spec.bases), _swept_table(spec)),
        commands=(*made_by(summaries), *_commands(folder, this)),
        versions=versions_tables(summaries),
        warnings=_findings(points, present),
    ), series  # fmt: skip


def _series(
    points: Sequence[PointResult], runs: Sequence[RunResult], default: Point | None
) -> tuple[Series, ...]:
    """The points to draw: all in their order, or the best ones and the default."""
    of_point: dict[Point, list[RunResult]] = {}
    for run in runs:
        of_point.setdefault(run.planned.point, []).append(run)
    for point, own in of_point.items():  # those that count; all where none does
        of_point[point] = [run for run in own if run.status == COMPLETED] or own
    chosen = [result.point for result in best_first(points) if result.point in of_point]
    chosen = sorted(chosen, key=lambda point: point != default)[:MOST_GROUPS]
    return tuple(
        Series(
            result.point.text,
            tuple(run.run_dir for run in of_point[result.point]),
            tuple(run.planned.seed for run in of_point[result.point]),
        )
        for result in points
        if result.point in chosen
    )


def _findings(points: Sequence[PointResult], runs: Sequence[RunResult]) -> tuple[str, ...]:
    """What is wrong with the runs of the best point; that others learn little is to be expected."""
    best = next(iter(best_first(points)), None)
    own = [run.run_dir for run in runs if best is not None and run.planned.point == best.point]
    return tuple(of_group(best.point.text, [diagnose_run(run) for run in own])) if best and own else ()


def _curves_notes(points: Sequence[PointResult], notes: tuple[str, ...]) -> tuple[str, ...]:
    if len(points) <= MOST_GROUPS or not notes:
        return notes
    of = plural(len(points), "point")
    return (f"Drawn are the best {MOST_GROUPS} of {of}, with the default if it was swept.", *notes)


def _about(
    spec: SweepSpec, points: Sequence[PointResult], runs: Sequence[RunResult], date: str
) -> tuple[str, ...]:
    env = spec.base.env_id if len(spec.env_ids) == 1 else plural(len(spec.env_ids), "environment")
    searched = f"sweep of {' and '.join(param.name for param in spec.params)}"
    parts = (env, _algorithms(spec), searched, plural(len(points), "point"), plural(len(runs), "run"), date)
    return tuple(part for part in parts if part)


def _algorithms(spec: SweepSpec) -> str:
    return ", ".join(dict.fromkeys(base.algorithm for base in spec.bases))


def _best_text(document: Mapping[str, Any]) -> str:
    """Say what the best point claims, and what held-out seeds repeat."""
    best = document["best"]
    if best is None:
        return ""
    claims = f"The best point, {best['label']}, claims {_mean_text(best)} over {seeds_text(best['n_seeds'])}"
    held_out = best["held_out"]
    if held_out is None:
        return f"{claims}; it was not tried on held-out seeds: expect less."
    seeds = plural(held_out["n_seeds"], "held-out seed")
    return f"{claims}; on {seeds}, which had no part in choosing it, it repeats {_mean_text(held_out)}."


def _mean_text(numbers: Mapping[str, Any]) -> str:
    return f"{shown(numbers['mean'])} ({interval_text(tuple(numbers['ci95']))})"


def _cards(document: Mapping[str, Any], runs: Sequence[RunResult]) -> tuple[Card, ...]:
    cards = []
    best = document["best"]
    if best is not None:
        cards.append(_mean_card(f"Best: {best['label']}", best, "seed"))
        if best["held_out"] is not None:
            cards.append(_mean_card("The same on held-out seeds", best["held_out"], "held-out seed"))
    statuses = [run.status for run in runs]
    time = max((run.wall_time for run in runs), default=0.0)
    cards += [
        Card("Runs", count(len(runs)), statuses_text(statuses)),
        Card("Environment steps", counted(document["steps"]["done"]), "all runs"),
        Card("Longest training time", lasted(time), "runs of one population have it in common"),
    ]
    return tuple(cards)


def _mean_card(label: str, numbers: Mapping[str, Any], noun: str) -> Card:
    low, high = numbers["ci95"]
    seeds = plural(numbers["n_seeds"], noun)
    note = f"95 % interval {interval_text((low, high))} over {seeds}" if numbers["n_seeds"] > 1 else seeds
    return Card(label, shown(numbers["mean"]), note)


def _points_table(spec: SweepSpec, points: Sequence[PointResult]) -> Table:
    titles = ("seeds", "mean", "95 % interval", "IQM", "failed", "pruned", "missing", "time")
    columns = (Column("point"), *(Column(title, True) for title in titles))
    shown_points = points if spec.search == "grid" and len(points) <= _MOST_POINTS else best_first(points)
    rows = tuple(
        (
            _point_cell(result, spec.default_point),
            count_cell(len(result.returns)),
            number_cell(result.mean),
            interval_cell(result.ci95),
            number_cell(result.iqm),
            *(count_cell(number) for number in (result.n_failed, result.n_pruned, result.n_missing)),
            time_cell(result.wall_time),
        )
        for result in shown_points[:_MOST_POINTS]
    )
    note = "Over seeds: the mean return of the final evaluation, by the environment's own reward."
    if len(points) > _MOST_POINTS:
        note += f" The best {count(_MOST_POINTS)} of {count(len(points))} points; results.csv has all."
    return Table("Points", columns, rows, note)


def _point_cell(result: PointResult, default: Point | None) -> Cell:
    place = dict(result.point.values)
    key = next((value for value in place.values() if len(place) == 1 and _is_number(value)), None)
    return Cell(f"{result.point.text}{' (default)' if result.point == default else ''}", key)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _runs_table(runs: Sequence[RunResult], held_out: Sequence[RunResult]) -> Table:
    columns = (
        Column("point"), Column("seed", True), Column("status"),
        *(Column(title, True) for title in ("return", "steps", "time")),
    )  # fmt: skip
    known = [(run, "") for run in runs] + [(run, " (held out)") for run in held_out]
    rows = tuple(
        (
            text_cell(run.planned.point.text + kind), Cell(str(run.planned.seed), run.planned.seed),
            status_cell(run.status, run.reason), number_cell(run.final), count_cell(run.global_step),
            time_cell(run.wall_time),
        )
        for run, kind in known[:_MOST_RUNS]
    )  # fmt: skip
    note = ""
    if len(known) > _MOST_RUNS:
        note = f"The first {count(_MOST_RUNS)} of {plural(len(known), 'run')}; results.csv has all."
    return Table("Runs", columns, rows, note, is_open=len(rows) <= 20)


def _swept_table(spec: SweepSpec) -> Table:
    """The table of the settings that are swept, and over which values."""
    columns = (Column("setting"), Column("values"))
    rows = tuple(
        (text_cell(param.path), text_cell(param.text.partition("=")[2] or param.text, "changed"))
        for param in spec.params
    )
    return Table("Settings that are swept", columns, rows)


def _commands(folder: SweepDir, this: Sequence[str]) -> tuple[Command, ...]:
    return (
        command("run the same sweep again", "sweep", folder.spec_path),
        command("train its best point", "train", "--from-sweep", folder.path),
        command("this report", *this),
    )
