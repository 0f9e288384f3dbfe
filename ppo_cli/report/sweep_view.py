"""The views of a sweep: a live table on a terminal, plain lines for everything else, and notices alone.

All are fed by ``update``, which only keeps the report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.text import Text

from ppo_cli.report.console import can_animate, is_unicode, stderr_console
from ppo_cli.report.live import LiveArea
from ppo_cli.report.numbers import count, duration, number
from ppo_cli.report.sweep_dashboard import fraction_done, sweep_dashboard
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from ppo_cli.sweeps.running.progress import SweepReport, SweepView


def make_sweep_view(title: str, *, quiet: bool, stopping: Callable[[], bool]) -> SweepView:
    """The view that fits: notices only when ``quiet``, live on a terminal, otherwise plain lines.

    Args:
        title: What is swept, and how many points and seeds.
        quiet: Whether to show nothing but notices.
        stopping: Says whether a stop was asked for.
    """
    console = stderr_console()
    if quiet:
        return SweepQuiet(console)
    return SweepLive(console, title, stopping) if can_animate() else SweepPlain(console, title)


class SweepQuiet:
    """Shows no progress, only what the user should know."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def start(self) -> None:
        """Nothing to begin."""

    def update(self, report: SweepReport) -> None:
        """Print its notices."""
        for message in report.notices:
            self.notice(message)

    def notice(self, message: str) -> None:
        """Print a message."""
        self._console.print(clean(message), soft_wrap=True)

    def stop(self) -> None:
        """Nothing to end."""


class SweepPlain(SweepQuiet):
    """A line at each tenth of the way and at each new stage, and in between one now and then."""

    def __init__(self, console: Console, title: str) -> None:
        super().__init__(console)
        self._title = title
        self._stage = ""
        self._last_line = 0.0
        self._last_tenth = -1

    def start(self) -> None:
        """Print what is swept."""
        self.notice(self._title)

    def update(self, report: SweepReport) -> None:
        """Print a line if it is time for one."""
        super().update(report)
        tenth = int(fraction_done(report) * 10)
        waited = report.elapsed - self._last_line
        if report.stage != self._stage or tenth > self._last_tenth or waited >= max(5.0, report.elapsed / 20):
            self._stage, self._last_line = report.stage, report.elapsed
            self._last_tenth = max(tenth, self._last_tenth)
            self._console.print(sweep_line(report), soft_wrap=True)


class SweepLive(SweepQuiet):
    """A table of points and seeds that fills up in place and leaves nothing behind."""

    def __init__(self, console: Console, title: str, stopping: Callable[[], bool]) -> None:
        super().__init__(console)
        self._title = title
        self._stopping = stopping
        self._report: SweepReport | None = None
        self._area = LiveArea(console, self._render)

    def start(self) -> None:
        """Take the bottom of the terminal and begin to draw."""
        self._area.start()

    def update(self, report: SweepReport) -> None:
        """Keep a report; print its notices above the table."""
        self._report = report
        super().update(report)

    def stop(self) -> None:
        """Give the terminal back."""
        self._area.stop()

    def _render(self) -> RenderableType:
        console = self._console
        width, height = console.size
        return sweep_dashboard(
            self._report, self._title, width=width, height=height, unicode=is_unicode(console),
            colour=console.color_system is not None and not console.no_color, stopping=self._stopping(),
        )  # fmt: skip


def sweep_line(report: SweepReport) -> Text:
    """The state of a sweep in one line."""
    parts = [
        f"{fraction_done(report):4.0%}",
        clean(report.stage),
        f"{count(report.done)}/{count(report.total)} runs done",
        f"{count(report.running)} training",
    ]
    if report.failed:
        parts.append(f"{count(report.failed)} failed")
    if report.best is not None:
        label, mean, num_seeds = report.best
        parts.append(f"best {clean(label)}: {number(mean)} ({seeds_text(num_seeds)})")
    parts += [f"{count(report.steps_per_second)} steps/s", f"{duration(report.time_left)} left"]
    return Text("  ".join(parts))


def seeds_text(number_of_seeds: int) -> str:
    """How many seeds.

    >>> seeds_text(1), seeds_text(5)
    ('1 seed', '5 seeds')
    """
    return f"{number_of_seeds} seed{'' if number_of_seeds == 1 else 's'}"
