"""Progress of a sweep: the report, and the interface of a view that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Cell:
    """One run in the table of points and seeds.

    Attributes:
        seed: Its seed.
        status: ``waiting``, ``training``, ``interrupted``, ``completed``, ``diverged``, ``failed`` or
            ``pruned``.
        fraction: Share of its steps done, 0 to 1.
        eval_mean: Mean return of its last evaluation, of the final one when it is complete; None before.
    """

    seed: int
    status: str
    fraction: float
    eval_mean: float | None


@dataclass(frozen=True)
class ReportRow:
    """A point and its runs.

    Attributes:
        label: The point.
        cells: Its runs, by seed.
    """

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class SweepReport:
    """Progress of a sweep.

    Attributes:
        stage: What is going on, in words: ``training``, ``rung at 25 % of the steps``, ``held-out seeds``.
        rows: The points.
        done: Runs that are complete or were stopped by a rung.
        running: Runs that are being trained.
        failed: Runs that diverged or failed.
        total: Runs in all.
        elapsed: Seconds of this session.
        time_left: Seconds left at the speed so far; None when it is not known yet.
        steps_per_second: Environment steps of all runs together, in this session.
        best: Label, mean return over seeds and number of seeds of the best point so far, or None.
        notices: What the user should know; each comes once.
    """

    stage: str
    rows: tuple[ReportRow, ...]
    done: int
    running: int
    failed: int
    total: int
    elapsed: float
    time_left: float | None
    steps_per_second: float
    best: tuple[str, float, int] | None
    notices: tuple[str, ...] = ()


class SweepView(Protocol):
    """The interface of what shows a sweep to the user."""

    def start(self) -> None:
        """Begin to show."""

    def update(self, report: SweepReport) -> None:
        """Keep a report, to be shown when it is time."""

    def notice(self, message: str) -> None:
        """Show a message that stays."""

    def stop(self) -> None:
        """Show no more. May be called twice."""
