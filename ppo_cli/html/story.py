"""The report on runs and groups of runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ppo_cli.comparison.comparison import Comparison, compare_groups
from ppo_cli.comparison.config_diff import mixed_settings
from ppo_cli.comparison.group_result import GroupResult
from ppo_cli.comparison.groups import Group
from ppo_cli.comparison.pairs import PairResult
from ppo_cli.comparison.phrases import listed
from ppo_cli.comparison.scores import RunScores
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
from ppo_cli.html.curves import Series, curves_data
from ppo_cli.html.effects import effects_tables
from ppo_cli.html.heads import newest_date
from ppo_cli.html.provenance import Summary, command, made_by, versions_tables
from ppo_cli.html.settings import between_table, settings_tables
from ppo_cli.report.numbers import count, plural
from ppo_cli.storage.json_file import as_number

_MOST_CARDS = 6
_MOST_RUNS = 2000
_MOST_PAIRS = 300


def groups_report(
    groups: Sequence[Group], again: Sequence[str], this: Sequence[str]
) -> tuple[Report, tuple[Series, ...]]:
    """The report on groups of runs, of which there may be one, with a single run.

    Args:
        groups: The groups.
        again: The words of a command that means them.
        this: All words of the command that writes this page.

    Returns:
        The report without its pictures, and the groups as they are drawn.

    Raises:
        UsageError: The groups cannot be compared.
        CorruptFileError: A file of a run is damaged.
    """
    comparison = compare_groups(groups)
    results = comparison.groups
    runs = [score.run for group in results for score in group.scores]
    summaries = [score.summary for group in results for score in group.scores]
    series = tuple(_drawn(group) for group in results)
    data, notes = curves_data(series)
    configs = [group.scores[0].config for group in results if group.scores]
    between = between_table([group.name for group in results], comparison.config_diff)
    pairs = (_pairs_table(comparison.pairs),) if comparison.pairs else ()
    report = Report(
        title=_title(results),
        about=_about(comparison, newest_date(runs)),
        verdict=comparison.verdict if len(results) > 1 else _group_verdict(results[0], comparison.threshold),
        cards=_cards(results, summaries),
        results=(
            *((_groups_table(comparison),) if len(runs) > 1 else ()),
            *effects_tables(comparison.effects),
            *pairs,
            _runs_table(results),
        ),
        curves=data,
        curves_notes=notes,
        threshold=comparison.threshold,
        settings=settings_tables(configs, between),
        commands=(*made_by(summaries), *_next_commands(results, again), command("this report", *this)),
        versions=versions_tables(summaries),
        warnings=comparison.warnings,
    )
    return report, series


def _drawn(group: GroupResult) -> Series:
    """The runs whose curves are drawn: those that count, or all where none does."""
    scores = group.counted or group.scores
    return Series(group.name, tuple(score.run for score in scores), tuple(score.seed for score in scores))


def _title(results: Sequence[GroupResult]) -> str:
    """The names of the groups; that of a run of a sweep says of which."""
    names = [group.name for group in results]
    run = results[0].scores[0].run
    folder = run.path.absolute().parent
    if names == [run.name] and (folder / "sweep.yaml").is_file():
        return f"{folder.name}: {run.name}"
    return " and ".join(names) if len(names) < 3 else f"{len(names)} groups compared"


def _about(comparison: Comparison, date: str) -> tuple[str, ...]:
    scores = [score for group in comparison.groups for score in group.scores]
    algorithms = dict.fromkeys(score.config.algorithm for score in scores)
    parts = (comparison.env_id, ", ".join(algorithms), plural(len(scores), "run"), date)
    return tuple(part for part in parts if part)


def _group_verdict(group: GroupResult, threshold: float | None) -> str:
    """Say what a single group came to, and how far that can be trusted."""
    if not group.n_seeds:
        reasons = listed([f"{score.run.name}: {score.reason}" for score in group.scores])
        return f"No run has a final evaluation, so nothing can be said ({reasons})."
    text = f"The mean return is {shown(group.mean)}"
    if group.n_seeds == 1:
        mark = "" if threshold is None else f" ({shown(threshold)} counts as solved)"
        return (
            f"{text}{mark}. This is one seed; another may end elsewhere, and five tell: ppo train --seeds 5."
        )
    text += f" (95 % interval {interval_text(group.ci95)}) over {seeds_text(group.n_seeds)}"
    if threshold is None:
        return f"{text}."
    low, high = group.ci95
    side = "above" if group.mean >= threshold else "below"
    sure = "" if low > threshold or high < threshold else ", though the interval includes it"
    met = sum(value >= threshold for value in group.values)
    text += f", {side} the {shown(threshold)} that counts as solved{sure}"
    return f"{text}; {met} of {seeds_text(group.n_seeds)} reach it."


def _cards(results: Sequence[GroupResult], summaries: Sequence[Summary]) -> tuple[Card, ...]:
    group, several = results[0], len(results) > 1
    scores = [score for group in results for score in group.scores]
    statuses = [score.status for score in scores]
    if several:
        cards = [_group_card(group) for group in results[:_MOST_CARDS]]
    else:
        cards = [_group_card(group, "Mean return") if len(scores) > 1 else _run_card(group, summaries[0])]
    if group.n_seeds > 1 and not several:
        cards.append(
            Card("Interquartile mean", shown(group.iqm), f"95 % interval {interval_text(group.iqm_ci95)}")
        )
    steps = sum(score.steps for score in scores)
    time = max((score.wall_time for score in scores if math.isfinite(score.wall_time)), default=math.nan)
    rates = [score.steps_per_second for score in scores if math.isfinite(score.steps_per_second)]
    cards += [
        Card("Environment steps", counted(steps), plural(len(scores), "run")),
        Card(
            "Longest training time" if several else "Training time",
            lasted(time),
            _rate_text(max(rates, default=0.0)),
        ),
        Card("Status", statuses_text(statuses), scores[0].reason or "" if len(scores) == 1 else ""),
    ]
    return tuple(cards)


def _rate_text(rate: float) -> str:
    return f"{counted(rate)} steps per second" if rate > 0 else ""


def _group_card(group: GroupResult, label: str = "") -> Card:
    """A group's mean over seeds."""
    if group.n_seeds < 2:
        return Card(label or group.name, shown(group.mean), f"{seeds_text(group.n_seeds)}: no interval")
    note = f"95 % interval {interval_text(group.ci95)} over {seeds_text(group.n_seeds)}"
    note += "" if label else f"; IQM {shown(group.iqm)}"
    return Card(label or group.name, shown(group.mean), note)


def _run_card(group: GroupResult, summary: Summary) -> Card:
    """A single run's mean over episodes: all that one seed can tell."""
    evaluation = summary.get("eval")
    if not group.n_seeds or not isinstance(evaluation, dict):
        return Card("Mean return", "–", "no final evaluation")
    ends = evaluation.get("ci95")
    low, high = map(as_number, ends) if isinstance(ends, list) and len(ends) == 2 else (None, None)
    episodes = f"{counted(as_number(evaluation.get('episodes')))} episodes of one seed"
    if low is None or high is None:
        return Card("Mean return", shown(group.mean), episodes)
    note = f"95 % interval {interval_text((low, high))} over {episodes}"
    return Card("Mean return", shown(group.mean), note)


def _groups_table(comparison: Comparison) -> Table:
    threshold = comparison.threshold
    columns = [Column("group"), *(Column(title, True) for title in ("seeds", "mean", "95 % interval", "IQM"))]
    columns.append(Column("95 % interval of the IQM", True))
    if threshold is not None:
        columns.append(Column(f"steps to {shown(threshold)}", True))
    columns += [Column("mean while training", True), Column("time", True)]
    rows = [_group_row(group, with_threshold=threshold is not None) for group in comparison.groups]
    if any(group.failed for group in comparison.groups):
        columns.append(Column("does not count"))
        failed = [text_cell(", ".join(group.failed)) for group in comparison.groups]
        rows = [[*row, cell] for row, cell in zip(rows, failed, strict=True)]
    note = "Over seeds: the mean of the final evaluation, by the environment's own reward. "
    note += "Time: that of the whole population that a run was trained in."
    return Table("Groups", tuple(columns), tuple(map(tuple, rows)), note)


def _group_row(group: GroupResult, *, with_threshold: bool) -> list[Cell]:
    cells = [text_cell(group.name), count_cell(group.n_seeds)]
    cells += [number_cell(group.mean), interval_cell(group.ci95)]
    cells += [number_cell(group.iqm), interval_cell(group.iqm_ci95)]
    if with_threshold:
        reached = f"reached by {group.n_reached} of {group.n_seeds}"
        steps = group.steps_to_threshold
        cells.append(Cell(reached if steps is None else f"{count(steps)} ({reached})", steps))
    return [*cells, number_cell(group.auc), time_cell(group.wall_time)]


def _pairs_table(pairs: Sequence[PairResult]) -> Table:
    titles = ("difference", "95 % interval", "probability of improvement", "its 95 % interval", "p (Welch)")
    columns = (
        Column("first"), Column("second"), *(Column(title, True) for title in (*titles, "p (permutation)"))
    )  # fmt: skip
    rows = tuple(
        (
            text_cell(pair.a), text_cell(pair.b), number_cell(pair.difference), interval_cell(pair.ci95),
            number_cell(pair.probability_of_improvement), interval_cell(pair.poi_ci95),
            number_cell(pair.p_value), number_cell(pair.permutation_p),
        )
        for pair in pairs[:_MOST_PAIRS]
    )  # fmt: skip
    note = "First minus second. The p values are corrected for all pairs (Holm), the intervals are not."
    if len(pairs) > _MOST_PAIRS:
        note += f" These are {_MOST_PAIRS} of {count(len(pairs))} pairs."
    return Table("Pairs", columns, rows, note)


def _runs_table(results: Sequence[GroupResult]) -> Table:
    several = len(results) > 1
    columns = [Column("run"), *([Column("group")] if several else []), Column("seed", True), Column("status")]
    columns += [Column(title, True) for title in ("return", "episodes", "steps", "time", "steps per second")]
    scores = [(group.name, score) for group in results for score in group.scores]
    rows = tuple(tuple(_run_row(name if several else "", score)) for name, score in scores[:_MOST_RUNS])
    note = (
        f"The first {count(_MOST_RUNS)} of {plural(len(scores), 'run')}." if len(scores) > _MOST_RUNS else ""
    )
    return Table("Runs", tuple(columns), rows, note, is_open=len(rows) <= 20)


def _run_row(group: str, score: RunScores) -> list[Cell]:
    cells = [text_cell(score.run.name), *([text_cell(group)] if group else [])]
    cells += [Cell(str(score.seed), score.seed), status_cell(score.status, score.reason)]
    cells += [number_cell(score.score), count_cell(score.eval_episodes), count_cell(score.steps)]
    return [*cells, time_cell(score.wall_time), count_cell(score.steps_per_second)]


def _next_commands(results: Sequence[GroupResult], again: Sequence[str]) -> tuple[Command, ...]:
    runs = [score.run for group in results for score in group.scores]
    if len(runs) > 1:
        compare = [command("the comparison in the terminal", "compare", *again)] if len(results) > 1 else []
        return (*_trains(results), *compare)
    path = runs[0].path
    return (
        command("train the same again", "train", "--config", runs[0].config_path),
        command("evaluate the policy", "eval", path),
        command("render a GIF", "render", path),
    )


def _trains(results: Sequence[GroupResult]) -> list[Command]:
    """The commands that train each group again: one, where it is a series of seeds of the same settings."""
    commands = []
    for group in results[:_MOST_CARDS]:
        first, seeds = group.scores[0], sorted(score.seed for score in group.scores)
        if seeds == [*range(seeds[0], seeds[0] + len(seeds))] and not mixed_settings(group):
            words = ("--config", first.run.config_path, "--seed", seeds[0], "--seeds", len(seeds))
            commands.append(command(f"train {group.name} again", "train", *words))
            continue
        commands += [
            command(f"train {score.run.name} again", "train", "--config", score.run.config_path)
            for score in group.scores[:_MOST_CARDS]
        ]
    return commands
