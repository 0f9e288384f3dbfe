"""The live view's content: a tracker in, a renderable of at most the terminal's size out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ppo_cli.report.numbers import count, duration, interval, number, short_count
from ppo_cli.report.sparkline import shares_bar, sparkline
from ppo_cli.report.text import clean
from ppo_cli.report.tracker import ACTIVITIES, Tracker, losses_shown, mean_metric, mean_of

if TYPE_CHECKING:
    from ppo_cli.learn.iteration_report import IterationReport, MemberReport
    from ppo_cli.runs.eval_stats import EvalStats

STATUS_STYLES = {
    "training": "",
    "completed": "green",
    "interrupted": "yellow",
    "diverged": "red",
    "failed": "red",
}
_ACTIVITY_STYLES = ("cyan", "blue", "magenta", "yellow", "bright_black")
_ACTIVITY_CELLS = "█▓▒▚░"
_ACTIVITY_ASCII = "#=+-."
_LABEL_WIDTH = 10
_FIXED_LINES = 13  # what the dashboard needs beside the members, the line of the cursor included


def dashboard(
    tracker: Tracker, title: str, *, width: int, height: int, unicode: bool = True, stopping: bool = False
) -> RenderableType:
    """The whole live view.

    Args:
        tracker: What is known of the training.
        title: Which environment, algorithm and runs.
        width: Columns of the terminal.
        height: Lines of the terminal.
        unicode: Whether block characters can be shown.
        stopping: Whether a stop was asked for, so that the view says so.
    """
    report = tracker.report
    width = max(20, min(width, 100)) - len("^C")  # the terminal echoes it behind the last line
    heading = one_line(Text(clean(title), style="bold"), width)
    if report is None:
        return Group(heading, Text("starting", style="dim"))
    lines: list[RenderableType] = [
        heading,
        progress_line(tracker, width, unicode=unicode),
        Text(""),
        *(
            _labelled(label, content, width)
            for label, content in _rows(tracker, report, width, unicode=unicode)
        ),
    ]
    if len(report.members) > 1:
        room = max(1, height - _FIXED_LINES)
        lines += [Text(""), members_table(report.members, room=room, width=width, unicode=unicode)]
    if stopping:
        message = "stopping: finishing this iteration and saving a checkpoint (again: exit at once)"
        lines.append(one_line(Text(message, style="yellow"), width))
    return Group(*lines)


def progress_line(tracker: Tracker, width: int, *, unicode: bool = True) -> Text:
    """A bar with percentage, steps and the time left."""
    report = tracker.report
    steps = "" if report is None else f"{count(report.global_step)}/{count(report.total_timesteps)}"
    after = f" {tracker.fraction:4.0%}  {steps}  {duration(tracker.time_left())} left"
    cells = max(4, width - len(after))
    done = round(tracker.fraction * cells)
    full, empty = ("━", "─") if unicode else ("#", ".")
    return Text.assemble(
        (full * done, "green"), (empty * (cells - done), "bright_black"), after, no_wrap=True
    )


def _rows(tracker: Tracker, report: IterationReport, width: int, *, unicode: bool) -> list[tuple[str, Text]]:
    """The labelled lines."""
    losses = losses_shown(report.members)
    curve = sparkline(tracker.returns.points, width - _LABEL_WIDTH, unicode=unicode)
    return [
        ("return", _returns(report, unicode=unicode)),
        ("", Text(curve, style="green")),
        ("losses", _losses(report.members, losses[:2])),
        ("", _losses(report.members, losses[2:])),
        ("speed", _speed(tracker, report)),
        ("time", shares_line(tracker.shares(), width - _LABEL_WIDTH, unicode=unicode)),
    ]


def _returns(report: IterationReport, *, unicode: bool) -> Text:
    """Current and best return, and the last evaluation (means over members)."""
    members = report.members
    best = [member.best_return for member in members if member.best_return is not None]
    text = Text.assemble(
        "current ", (number(mean_of(member.recent_return for member in members)), "bold"),
        "   best ", (number(max(best, default=None)), "bold green"),
    )  # fmt: skip
    evaluations = [member.last_eval for member in members if member.last_eval is not None]
    if len(members) == 1 and evaluations:
        text.append(f"   evaluation {evaluation_text(evaluations[0], unicode=unicode)}")
    elif evaluations:
        text.append(f"   evaluation {number(mean_of(evaluation.mean for evaluation in evaluations))}")
    return text


def _losses(members: Sequence[MemberReport], names: Sequence[str]) -> Text:
    """The metrics that tell whether an update is healthy."""
    pairs = [(name.removeprefix("train/"), number(mean_metric(members, name), 3)) for name in names]
    text = Text()
    for index, (name, value) in enumerate(pairs):
        text.append("  " if index else "").append(f"{name} ", style="dim").append(value)
    return text


def _speed(tracker: Tracker, report: IterationReport) -> Text:
    iteration = f"iteration {count(report.iteration)}/{count(report.num_iterations)}"
    speed = f"{count(report.steps_per_second)} steps/s"
    return Text(f"{speed}   {iteration}   elapsed {duration(report.wall_time or tracker.elapsed)}")


def shares_line(shares: Sequence[float], width: int, *, unicode: bool = True) -> Text:
    """Show where the time goes: a small bar, then each activity and its percentage."""
    legend = Text()
    cells = _ACTIVITY_CELLS if unicode else _ACTIVITY_ASCII
    for name, share, style, cell in zip(ACTIVITIES, shares, _ACTIVITY_STYLES, cells, strict=True):
        legend.append(f" {cell}", style=style).append(f"{name} {share:.0%}")
    room = width - legend.cell_len
    bar = Text()
    if room >= 4:
        for num, style, cell in zip(shares_bar(shares, min(room, 24)), _ACTIVITY_STYLES, cells, strict=True):
            bar.append(cell * num, style=style)
    return bar.append_text(legend)


def members_table(
    members: Sequence[MemberReport], *, room: int, width: int, unicode: bool = True
) -> RenderableType:
    """A line per member, the ones in trouble first, cut to ``room`` lines."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", width=width)
    table.add_column("run", no_wrap=True, overflow="ellipsis" if unicode else "crop", ratio=1)
    table.add_column("status", no_wrap=True)
    for header in ("return", "best", "evaluation"):
        table.add_column(header, justify="right", no_wrap=True)
    in_trouble_first = sorted(members, key=lambda member: member.status not in ("diverged", "failed"))
    shown = in_trouble_first if len(members) <= room else in_trouble_first[: max(1, room - 1)]
    for member in shown:
        evaluated = "-" if member.last_eval is None else evaluation_text(member.last_eval, unicode=unicode)
        status = Text(clean(member.status), style=STATUS_STYLES.get(member.status, ""))
        returns = (number(member.recent_return), number(member.best_return))
        table.add_row(Text(clean(member.name)), status, *returns, evaluated)
    if len(shown) < len(members):
        table.add_row(Text(f"and {short_count(len(members) - len(shown))} more", style="dim"))
    return table


def evaluation_text(evaluation: EvalStats, *, unicode: bool = True) -> str:
    """An evaluation's mean with its 95 % interval."""
    low, high = evaluation.ci95
    return interval(evaluation.mean, low, high, "±" if unicode else "+/-")


def _labelled(label: str, content: Text, width: int) -> Text:
    return one_line(Text.assemble((label.ljust(_LABEL_WIDTH), "dim"), content), width)


def one_line(text: Text, width: int) -> Text:
    """Cut a text to one line of ``width`` columns, in place; returns it."""
    text.no_wrap = True
    text.truncate(width, overflow="crop")
    return text
