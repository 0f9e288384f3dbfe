"""The state of a training as the views show it, derived from the trainer's reports."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from ppo_cli.report.sparkline import History

if TYPE_CHECKING:
    from ppo_cli.learn.iteration_report import IterationReport, MemberReport

LOSSES = (
    "train/entropy", "train/approx_kl", "train/clip_fraction", "train/kl_coef", "train/kl_reference",
    "train/explained_variance", "train/used",
)  # fmt: skip
"""What tells whether an update is healthy, the more telling first. Not every algorithm logs all of them."""

ACTIVITIES = ("environment", "policy", "update", "evaluation", "other")
_SMOOTHING_SECONDS = 20.0


class Tracker:
    """The last report, the curve of returns, and how fast it goes.

    ``update`` is called in the training loop and does next to nothing; the rest is called when a view draws.
    """

    def __init__(self) -> None:
        self.report: IterationReport | None = None
        self.returns = History()
        self._started = time.monotonic()
        self._marks: list[tuple[float, int]] = []

    def update(self, report: IterationReport) -> None:
        """Keep a report."""
        now = time.monotonic()
        self.report = report
        self.returns.add(mean_of(member.recent_return for member in report.members))
        if not self._marks or now - self._marks[-1][0] >= 1.0:
            self._marks.append((now, report.global_step))
            if self._marks[1:] and now - self._marks[1][0] > _SMOOTHING_SECONDS:
                self._marks.pop(0)

    @property
    def elapsed(self) -> float:
        """Seconds since this session began."""
        return time.monotonic() - self._started

    @property
    def fraction(self) -> float:
        """Share of the work done, 0 to 1."""
        report = self.report
        if report is None or report.total_timesteps <= 0:
            return 0.0
        return min(1.0, report.global_step / report.total_timesteps)

    def time_left(self) -> float | None:
        """Seconds left at the speed of the last seconds; None when it is not known yet."""
        report = self.report
        if report is None:
            return None
        steps_left = max(0, report.total_timesteps - report.global_step)
        since, first_step = self._marks[0]
        waited, done = time.monotonic() - since, report.global_step - first_step
        if waited >= 1.0 and done > 0:
            return steps_left * waited / done
        if report.steps_per_second <= 0:
            return None
        return steps_left * max(1, len(active(report.members))) / report.steps_per_second

    def shares(self) -> list[float]:
        """Shares of the time by ACTIVITIES; they add up to 1 (or are all 0 at the very start)."""
        timings = {} if self.report is None else self.report.timings
        known = [max(0.0, timings.get(name, 0.0)) for name in ACTIVITIES[:-1]]
        total = max(sum(timings.values()), self.elapsed)
        if not timings or total <= 0:
            return [0.0] * len(ACTIVITIES)
        return [seconds / total for seconds in (*known, total - sum(known))]


def mean_of(values: Iterable[float | None]) -> float | None:
    """Compute the mean of what is there and finite, however large it is; None of nothing."""
    there = [value for value in values if value is not None and math.isfinite(value)]
    if not there:
        return None
    largest = max(1.0, *map(abs, there))  # by which they are divided: the sum of huge ones is no float
    return largest * fmean(value / largest for value in there)


def active(members: Sequence[MemberReport]) -> list[MemberReport]:
    """The members that are still training."""
    return [member for member in members if member.status == "training"]


def losses_shown(members: Sequence[MemberReport]) -> list[str]:
    """The first four of ``LOSSES`` that these members have; before the first update, the first two."""
    return [name for name in LOSSES if mean_metric(members, name) is not None][:4] or list(LOSSES[:2])


def mean_metric(members: Sequence[MemberReport], name: str) -> float | None:
    """A metric's mean over the members that have it."""
    return mean_of(member.metrics.get(name) for member in members)
