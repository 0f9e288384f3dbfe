"""Preference sets and reward models as tables: pure functions from data to something Rich prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from ppo_cli.report.numbers import number
from ppo_cli.report.tables import Row, cell, status_cell
from ppo_cli.storage.json_file import as_mapping


def set_rows(document: Row) -> list[tuple[str, object]]:
    """A preference set as names and values."""
    answers = as_mapping(document.get("answers"))
    rows: list[tuple[str, object]] = [
        ("preference set", document.get("preferences_dir")),
        ("environment", document.get("env_id")),
        ("question", document.get("question")),
        ("teacher", f"{document.get('teacher')}, judging by {document.get('judged_by')}"),
        ("steps of a clip", document.get("length")),
        ("comparisons", document.get("pairs")),
        ("answers", ", ".join(f"{count} {name}" for name, count in answers.items())),
    ]
    agreement = document.get("self_agreement")
    if isinstance(agreement, float):
        rows.append(("agrees with itself", f"{100 * agreement:.0f} % of the pairs that were asked twice"))
    return rows


def sets_table(sets: Sequence[Row]) -> Table:
    """One line per preference set."""
    table = _table("preferences", "environment", "judged by", "comparisons")
    for one in sets:
        state = status_cell(one.get("status")) if one.get("status") else cell(one.get("pairs"))
        table.add_row(
            cell(one.get("name"), "bold"), cell(one.get("env_id")), cell(one.get("judged_by")), state
        )
    return table


def fits_table(fits: Sequence[Row]) -> Table:
    """One line per fitted reward model."""
    table = _table("fit", "network", "comparisons", "held-out accuracy", "larger half", "ceiling")
    for fit in fits:
        accuracy = as_mapping(fit.get("accuracy"))
        numbers = [percent(accuracy.get(name)) for name in ("held_out", "larger_half", "ceiling")]
        table.add_row(
            cell(fit.get("name"), "bold"),
            cell(fit.get("network")),
            cell(fit.get("pairs_used")),
            *map(cell, numbers),
        )
    return table


def percent(value: object) -> str | None:
    """A share as per cent with one digit; None where there is none.

    >>> percent(0.9137), percent(None)
    ('91.4 %', None)
    """
    return f"{100 * value:.1f} %" if isinstance(value, int | float) else None


def fit_rows(document: Row) -> list[tuple[str, object]]:
    """A fit as names and values."""
    accuracy = as_mapping(document.get("accuracy"))
    interval = accuracy.get("ci95")
    within = ""
    if isinstance(interval, Sequence) and len(interval) == 2:
        within = f" (95 % interval {percent(interval[0])} to {percent(interval[1])})"
    rows: list[tuple[str, object]] = [
        ("reward model", document.get("fit")),
        ("network", document.get("network")),
        ("comparisons", document.get("pairs_used")),
        ("held-out accuracy", f"{percent(accuracy.get('held_out'))}{within}"),
        ("on the larger half of gaps", percent(accuracy.get("larger_half"))),
        ("ceiling", percent(accuracy.get("ceiling"))),
        ("ties among the answers", percent(document.get("tie_rate"))),
        ("calibration error", percent(document.get("calibration_error"))),
    ]
    correlation = document.get("rank_correlation")
    if isinstance(correlation, float):
        rows.append(("rank correlation with the teacher's returns", number(correlation)))
    return [*rows, ("time", f"{document.get('seconds'):.1f} s")]


def _table(*headers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def curve_table(points: Sequence[Row]) -> Table:
    """Held-out accuracy over the number of comparisons that were learned from."""
    table = _table("comparisons", "held-out accuracy", "95 % interval", "larger half", "judged by")
    for point in points:
        interval = point.get("ci95")
        ends = f"{percent(interval[0])} to {percent(interval[1])}" if isinstance(interval, Sequence) else None
        shares = (percent(point.get("held_out")), ends, percent(point.get("larger_half")))
        table.add_row(
            cell(point.get("pairs"), "bold"), *map(cell, shares), cell(f"{point.get('judged')} pairs")
        )
    return table


def fit_words(document: Row) -> list[str]:
    """What to make of a fit, in sentences."""
    accuracy = as_mapping(document.get("accuracy"))
    held_out, top = accuracy.get("held_out"), accuracy.get("ceiling")
    words = []
    if not isinstance(held_out, float):
        return ["No comparison was left to judge it by: it says nothing yet. Ask for more."]
    if isinstance(accuracy.get("ci95"), Sequence) and accuracy["ci95"][0] <= 0.5:
        words.append("It cannot be told from guessing: ask for more comparisons before training with it.")
    elif isinstance(top, float) and held_out >= top - 0.03:
        words.append("It foretells answers about as well as the teacher agrees with itself.")
    ties = document.get("tie_rate")
    if isinstance(ties, float) and ties > 0.3:
        words.append(f"{percent(ties)} of the answers are ties, which teach little: ask about other clips.")
    lost = document.get("between_shares")
    if isinstance(lost, int) and lost:
        words.append(f"{lost} comparisons of episodes from two shares were left out, to keep judges blind.")
    words.append(
        "Accuracy on pairs is not success in training: compare a run with the nulls reward_model=constant "
        "and reward_model=random."
    )
    return words
