"""Tables of results: pure functions from data to something Rich prints.

Everything that comes from users or files goes through :func:`cell`, so that no name is taken for markup or
moves the cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from ppo_cli.report.dashboard import STATUS_STYLES
from ppo_cli.report.numbers import MISSING, count, duration, interval, number, size
from ppo_cli.report.text import clean
from ppo_cli.storage.json_file import as_mapping, as_number

Row = Mapping[str, Any]


def cell(value: object, style: str = "") -> Text:
    """Any value as inert text; None and the empty text as a dash."""
    text = clean(value) if value is not None else ""
    return Text(text or MISSING, style=style)


def runs_table(runs: Sequence[Row], *, width: int, unicode: bool = True) -> Table:
    """One line per run, from their summaries. A narrow terminal gets fewer columns, never cut numbers.

    Args:
        runs: Summaries (``summary.json``) with ``name`` added.
        width: Columns of the terminal.
        unicode: Whether ``±`` can be shown.
    """
    wide = width >= 110
    named_by_env = all(str(run.get("name", "")).startswith(str(run.get("env_id") or "")) for run in runs)
    table = _table("run", overflow="fold")
    if wide or not named_by_env:
        table.add_column("environment", overflow="fold")
    if wide:
        table.add_column("algorithm", overflow="fold")
        table.add_column("seed", justify="right")
    table.add_column("status", no_wrap=True)
    for header in ("steps", "evaluation", "time"):
        table.add_column(header, justify="right", no_wrap=True)
    for run in runs:
        cells = [cell(run.get("name"), "bold")]
        if wide or not named_by_env:
            cells.append(cell(run.get("env_id")))
        if wide:
            cells += [cell(run.get("algorithm")), cell(run.get("seed"))]
        cells += [status_cell(run.get("status")), cell(count(as_number(run.get("global_step"))))]
        cells += [
            cell(eval_text(run.get("eval"), unicode=unicode)),
            cell(duration(as_number(run.get("wall_time")))),
        ]
        table.add_row(*cells)
    return table


def sweeps_table(sweeps: Sequence[Row], *, unicode: bool = True) -> Table:
    """One line per sweep, from their summaries.

    Args:
        sweeps: Summaries (``summary.json``) with ``name`` added.
        unicode: Whether ``±`` can be shown.
    """
    table = _table("sweep", overflow="fold")
    table.add_column("status", no_wrap=True)
    for header in ("points", "runs"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("best", overflow="fold")
    table.add_column("evaluation", justify="right", no_wrap=True)
    for sweep in sweeps:
        points, runs, best = (sweep.get(name) for name in ("points", "runs", "best"))
        numbers = [len(value) if isinstance(value, list) else None for value in (points, runs)]
        table.add_row(
            cell(sweep.get("name"), "bold"),
            status_cell(sweep.get("status")),
            *(cell(count(number)) for number in numbers),
            cell(as_mapping(best).get("label")),
            cell(eval_text(best, unicode=unicode)),
        )
    return table


def training_table(runs: Sequence[Row], over_seeds: Row | None, *, unicode: bool = True) -> Table:
    """The result of a training: each run's final evaluation, and the mean over seeds when there are several.

    Args:
        runs: As for :func:`runs_table`.
        over_seeds: ``mean`` and ``ci95`` over the runs' means, or None.
        unicode: Whether ``±`` can be shown.
    """
    table = _table("run", overflow="fold")
    table.add_column("status", no_wrap=True)
    for header in ("evaluation", "episodes", "steps", "time"):
        table.add_column(header, justify="right", no_wrap=True)
    for run in runs:
        episodes = as_mapping(run.get("eval")).get("episodes")
        numbers = [count(as_number(value)) for value in (episodes, run.get("global_step"))]
        table.add_row(
            cell(run.get("name"), "bold"),
            status_cell(run.get("status")),
            cell(eval_text(run.get("eval"), unicode=unicode), "bold"),
            *map(cell, numbers),
            cell(duration(as_number(run.get("wall_time")))),
        )
    if over_seeds is not None:
        table.add_section()
        mean = cell(eval_text(over_seeds, unicode=unicode), "bold")
        table.add_row(cell(f"mean over {over_seeds['n_seeds']} seeds"), "", mean)
    return table


def evaluation_table(rows: Iterable[tuple[str, object]]) -> Table:
    """Names and values, one pair a line."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(cell(name), value if isinstance(value, Text) else cell(value))
    return table


def run_rows(document: Row, *, unicode: bool = True) -> list[tuple[str, object]]:
    """List the contents of a run's document as names and values."""
    evaluation = as_mapping(document.get("eval"))
    best = as_number(document.get("best_eval_during_training"))
    episodes = count(as_number(evaluation.get("episodes")))
    rows = [
        ("run", document["run_dir"]),
        ("environment", document.get("env_id")),
        ("algorithm", document.get("algorithm")),
        ("seed", document.get("seed")),
        ("engine", document.get("engine")),
        ("status", status_cell(document.get("status"))),
        ("reason", document.get("reason")),
        ("steps", count(as_number(document.get("global_step")))),
        ("time", duration(as_number(document.get("wall_time")))),
        ("steps per second", count(as_number(document.get("steps_per_second")))),
        ("evaluation", f"{eval_text(evaluation, unicode=unicode)} over {episodes} episodes"),
        ("best evaluation", None if best is None else number(best)),
        ("command", document.get("command")),
    ]
    return [
        (name, value) for name, value in rows if value is not None and (name != "evaluation" or evaluation)
    ]


def settings_table(rows: Iterable[tuple[str, object, object]]) -> Table:
    """Settings that differ: path, value, default."""
    table = _table("setting", overflow="fold")
    table.add_column("value", overflow="fold")
    table.add_column("default", overflow="fold", style="dim")
    for path, value, default in rows:
        table.add_row(cell(path), cell(value, "bold"), cell(default))
    return table


def files_table(files: Iterable[tuple[str, int, str]]) -> Table:
    """Files: name, bytes, meaning."""
    table = _table("file", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("", overflow="fold", style="dim")
    for name, num_bytes, meaning in files:
        table.add_row(cell(name), cell(size(num_bytes)), Text(meaning))
    return table


def envs_table(envs: Sequence[Row]) -> Table:
    """Environments: id, observation, actions, threshold, tuned steps."""
    table = _table("environment", overflow="fold")
    table.add_column("observation", justify="right")
    table.add_column("actions")
    table.add_column("solved at", justify="right")
    table.add_column("tuned steps", justify="right")
    table.add_column("task", overflow="fold", style="dim")
    for env in envs:
        table.add_row(
            cell(env["env_id"], "bold"),
            cell(env.get("observation")),
            cell(env.get("actions")),
            cell(number(env.get("reward_threshold"))),
            cell(count(env.get("total_timesteps"))),
            cell(env.get("task")),
        )
    return table


def explain_table(settings: Iterable[Row]) -> Table:
    """Every setting: name, meaning, allowed values, default."""
    table = _table("setting", overflow="ellipsis")
    table.columns[0].no_wrap = True  # a name in two pieces is no name
    table.add_column("default", overflow="fold")
    table.add_column("allowed", overflow="fold")
    table.add_column("meaning", overflow="fold")
    section = None
    for setting in settings:
        path = str(setting["path"])
        if section is not None and path.rpartition(".")[0] != section:
            table.add_section()
        section = path.rpartition(".")[0]
        table.add_row(
            cell(path, "bold"), cell(setting["default"]), cell(setting["allowed"]), cell(setting["help"])
        )
    return table


def checks_table(checks: Iterable[Row]) -> Table:
    """The checks of ``ppo doctor``: what is well, what is not, and what to do about it."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        mark = Text("ok", style="green") if check["ok"] else Text("problem", style="bold red")
        table.add_row(mark, cell(check["name"], "bold"), cell(check["detail"]))
        if check["fix"]:
            table.add_row("", "", cell(f"to do: {check['fix']}", "yellow"))
    return table


def status_cell(status: object) -> Text:
    """A status in its colour."""
    return cell(status, STATUS_STYLES.get(str(status), ""))


def eval_text(evaluation: object, *, unicode: bool = True) -> str:
    """``mean ± half the 95 % interval`` of an evaluation as JSON holds it; a dash when there is none."""
    fields = as_mapping(evaluation)
    ends = fields.get("ci95")
    low, high = ends if isinstance(ends, (list, tuple)) and len(ends) == 2 else (None, None)
    mean = as_number(fields.get("mean"))
    return interval(mean, as_number(low), as_number(high), "±" if unicode else "+/-")


def _table(first: str, overflow: Any) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column(first, overflow=overflow)
    return table
