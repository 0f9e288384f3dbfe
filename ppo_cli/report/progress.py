"""The views of a training: a live one for terminals, plain lines for everything else, and warnings alone.

All are fed by ``update`` in the training loop, which only keeps the report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, RenderableType
from rich.text import Text

from ppo_cli.report.console import can_animate, is_unicode, stderr_console
from ppo_cli.report.dashboard import dashboard
from ppo_cli.report.live import LiveArea
from ppo_cli.report.numbers import count, duration, number
from ppo_cli.report.text import clean
from ppo_cli.report.tracker import Tracker, losses_shown, mean_metric, mean_of

if TYPE_CHECKING:
    from ppo_cli.learn.iteration_report import IterationReport


class View(Protocol):
    """The interface through which the training loop tells the user how far it is."""

    def start(self) -> None:
        """Begin to show."""

    def update(self, report: IterationReport) -> None:
        """Keep a report, to be shown when it is time."""

    def notice(self, message: str) -> None:
        """Show a message that stays."""

    def stop(self) -> None:
        """Show no more. May be called twice."""


def make_view(title: str, *, quiet: bool, stopping: Callable[[], bool]) -> View:
    """The view that fits: warnings only when ``quiet``, live on a terminal, otherwise plain lines.

    Args:
        title: Which environment, algorithm and runs.
        quiet: Whether to show nothing but notices.
        stopping: Says whether a stop was asked for.
    """
    console = stderr_console()
    if quiet:
        return QuietView(console)
    return LiveView(console, title, stopping) if can_animate() else PlainView(console, title)


class QuietView:
    """Shows no progress, only what the user should know."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def start(self) -> None:
        """Nothing to begin."""

    def update(self, report: IterationReport) -> None:
        """Print its notices."""
        for message in report.notices:
            self.notice(message)

    def notice(self, message: str) -> None:
        """Print a message."""
        self._console.print(clean(message), soft_wrap=True)

    def stop(self) -> None:
        """Nothing to end."""


class PlainView:
    """A line at each tenth of the way, and in between one now and then (rarer the longer it takes)."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._tracker = Tracker()
        self._last_line = 0.0
        self._last_tenth = -1

    def start(self) -> None:
        """Print what is trained."""
        self._console.print(clean(self._title), soft_wrap=True)

    def update(self, report: IterationReport) -> None:
        """Print a line if it is time for one."""
        self._tracker.update(report)
        for message in report.notices:
            self.notice(message)
        elapsed, tenth = self._tracker.elapsed, int(self._tracker.fraction * 10)
        if tenth > self._last_tenth or elapsed - self._last_line >= max(5.0, elapsed / 20):
            self._last_tenth, self._last_line = max(tenth, self._last_tenth), elapsed
            self._console.print(plain_line(self._tracker), soft_wrap=True)

    def notice(self, message: str) -> None:
        """Print a message."""
        self._console.print(clean(message), soft_wrap=True)

    def stop(self) -> None:
        """Nothing to end."""


class LiveView:
    """A dashboard that is redrawn in place and leaves nothing behind."""

    def __init__(self, console: Console, title: str, stopping: Callable[[], bool]) -> None:
        self._console = console
        self._title = title
        self._stopping = stopping
        self._tracker = Tracker()
        self._area = LiveArea(console, self._render)

    def start(self) -> None:
        """Take the bottom of the terminal and begin to draw."""
        self._area.start()

    def update(self, report: IterationReport) -> None:
        """Keep a report."""
        self._tracker.update(report)
        for message in report.notices:
            self.notice(message)

    def notice(self, message: str) -> None:
        """Print a message above the dashboard."""
        self._console.print(clean(message), soft_wrap=True)

    def stop(self) -> None:
        """Give the terminal back."""
        self._area.stop()

    def _render(self) -> RenderableType:
        width, height = self._console.size
        options = {"unicode": is_unicode(self._console), "stopping": self._stopping()}
        return dashboard(self._tracker, self._title, width=width, height=height, **options)


def plain_line(tracker: Tracker) -> Text:
    """The state of a training in one line."""
    report = tracker.report
    if report is None:
        return Text("starting")
    returns = [f"return {number(mean_of(member.recent_return for member in report.members))}"]
    evaluated = mean_of(member.last_eval.mean for member in report.members if member.last_eval is not None)
    if evaluated is not None:
        returns.append(f"evaluation {number(evaluated)}")
    losses = [
        f"{name.removeprefix('train/')} {number(mean_metric(report.members, name), 3)}"
        for name in losses_shown(report.members)[:2]
    ]
    parts = [
        f"{tracker.fraction:4.0%}",
        f"{count(report.global_step)} steps",
        *returns,
        *losses,
        f"{count(report.steps_per_second)} steps/s",
        f"{duration(tracker.time_left())} left",
    ]
    return Text("  ".join(parts))
