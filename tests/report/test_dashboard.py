"""The content of the live view: it shows what matters and fits the terminal."""

from __future__ import annotations

import math
from typing import Any

import pytest
from helpers.terminal import calls_of, printed
from helpers.training_reports import member, report
from rich.cells import cell_len

from ppo_cli.learn.iteration_report import IterationReport
from ppo_cli.report.dashboard import dashboard
from ppo_cli.report.tracker import Tracker


def tracked(*reports: IterationReport) -> Tracker:
    tracker = Tracker()
    for each in reports:
        tracker.update(each)
    return tracker


def shown(tracker: Tracker, width: int = 80, height: int = 24, **options: Any) -> str:
    return printed(dashboard(tracker, "title", width=width, height=height, **options), width)


def test_the_dashboard_shows_progress_returns_losses_and_where_the_time_goes() -> None:
    text = shown(tracked(report(step=40_000), report()))
    for part in (
        "50%", "50,000/100,000", "left", "current 123", "best 480", "entropy 1.25", "approx_kl 0.0071",
        "clip_fraction 0.125", "explained_variance 0.875", "5,000 steps/s", "environment 50%", "policy 20%",
        "update 20%", "evaluation 10%", "480 ± ",
    ):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize("num_members", [1, 2, 9, 64])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (40, 15)])
def test_the_dashboard_fits_the_terminal(num_members: int, width: int, height: int) -> None:
    members = [member(f"LunarLanderContinuous-v3-ppo-clip-s{seed}") for seed in range(num_members)]
    lines = shown(tracked(report(*members)), width, height, stopping=True).rstrip("\n").split("\n")
    assert len(lines) <= height
    assert max(map(cell_len, lines)) <= width


def test_members_in_trouble_come_first_and_the_rest_is_counted() -> None:
    members = [member(f"run-{seed}") for seed in range(64)]
    members[60] = member("run-60", status="diverged", recent_return=None, best_return=None, last_eval=None)
    text = shown(tracked(report(*members)))
    assert "run-60" in text and "diverged" in text
    rows = sum(line.startswith("run-") for line in text.splitlines())
    assert f"and {64 - rows} more" in text


def test_the_dashboard_of_a_plain_ascii_terminal_has_no_other_characters() -> None:
    text = shown(tracked(report(member("a"), member("b"))), unicode=False, stopping=True)
    assert text.isascii()


def test_the_dashboard_stands_before_the_first_report() -> None:
    assert "starting" in shown(Tracker())


def test_missing_and_infinite_values_do_not_disturb_the_dashboard() -> None:
    bare = member(metrics={"train/entropy": math.nan}, recent_return=None, best_return=None, last_eval=None)
    text = shown(tracked(report(bare, steps_per_second=0.0, timings={}, wall_time=0.0)))
    assert "entropy -" in text and "- left" in text and "current -" in text


def test_drawing_takes_no_longer_the_longer_a_training_takes() -> None:
    few, many = (tracked(*(report(step=step) for step in range(number))) for number in (300, 30_000))
    assert calls_of(lambda: shown(many)) < 1.2 * calls_of(lambda: shown(few))
