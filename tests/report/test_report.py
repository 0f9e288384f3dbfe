"""What the report shows: numbers, curves, the dashboard, plain lines and tables."""

from __future__ import annotations

import io
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.describe import describe_algorithm
from ppo_cli.learn.iteration_report import IterationReport, MemberReport
from ppo_cli.report.algorithms import algorithms_text
from ppo_cli.report.console import can_animate, stderr_console
from ppo_cli.report.dashboard import dashboard
from ppo_cli.report.numbers import duration, interval, number
from ppo_cli.report.progress import LiveView, PlainView, QuietView, make_view
from ppo_cli.report.sparkline import History, shares_bar, sparkline
from ppo_cli.report.tables import checks_table, eval_text, runs_table, training_table
from ppo_cli.report.text import clean
from ppo_cli.report.tracker import Tracker
from ppo_cli.runs.eval_stats import EvalStats

METRICS = {
    "train/entropy": 1.25,
    "train/approx_kl": 0.0071,
    "train/clip_fraction": 0.125,
    "train/explained_variance": 0.875,
}


def member(name: str = "CartPole-v1-ppo-clip-s1", **changes: Any) -> MemberReport:
    values: dict[str, Any] = {
        "name": name,
        "run_dir": None,
        "seed": 1,
        "status": "training",
        "reason": None,
        "metrics": METRICS,
        "best_return": 480.0,
        "recent_return": 123.0,
        "last_eval": EvalStats((470.0, 480.0, 490.0), (470, 480, 490)),
    }
    return MemberReport(**(values | changes))


def report(*members: MemberReport, step: int = 50_000, **changes: Any) -> IterationReport:
    values: dict[str, Any] = {
        "iteration": step // 1000,
        "num_iterations": 100,
        "global_step": step,
        "total_timesteps": 100_000,
        "wall_time": 10.0,
        "steps_per_second": 5_000.0,
        "timings": {"environment": 50.0, "policy": 20.0, "update": 20.0, "evaluation": 10.0},
        "members": members or (member(),),
        "notices": (),
    }
    return IterationReport(**(values | changes))


def tracked(*reports: IterationReport) -> Tracker:
    tracker = Tracker()
    for each in reports:
        tracker.update(each)
    return tracker


def printed(renderable: RenderableType, width: int = 80, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=width, **options)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def shown(tracker: Tracker, width: int = 80, height: int = 24, **options: Any) -> str:
    return printed(dashboard(tracker, "title", width=width, height=height, **options), width)


# --- numbers and curves


@given(st.floats() | st.none())
def test_every_number_becomes_a_short_text(value: float | None) -> None:
    assert 1 <= len(number(value)) <= 11


def test_a_missing_or_infinite_time_is_a_dash() -> None:
    assert duration(None) == duration(math.inf) == duration(math.nan) == "-"


def test_an_interval_that_is_not_known_leaves_the_mean() -> None:
    assert interval(12.5, math.nan, math.nan) == "12.5"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=300), st.integers(0, 100))
def test_a_sparkline_is_never_wider_than_asked_and_survives_every_number(
    values: list[float], width: int
) -> None:
    for unicode in (True, False):
        assert len(sparkline(values, width, unicode=unicode)) <= width


def test_a_sparkline_rises_with_its_values() -> None:
    line = sparkline(range(100), 10)
    assert list(line) == sorted(line) and line[0] == "▁" and line[-1] == "█"


def test_a_history_stays_small_and_keeps_first_and_shape() -> None:
    history = History(capacity=16)
    for value in range(10_000):
        history.add(float(value))
    assert len(history.points) <= 16
    assert history.points[0] == 0.0 and history.points == sorted(history.points)
    assert history.points[-1] > 8_000


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=6), st.integers(0, 60))
def test_the_cells_of_a_bar_add_up(shares: list[float], width: int) -> None:
    cells = shares_bar(shares, width)
    assert all(cell >= 0 for cell in cells)
    assert sum(cells) == (width if sum(shares) > 0 else 0)


# --- text from users and files


def test_control_characters_cannot_reach_the_terminal() -> None:
    assert clean("a\x1b[2Jb\u202ec\x9b") == "a\\x1b[2Jb\\u202ec\\x9b"


def test_a_name_that_looks_like_markup_is_shown_as_it_is() -> None:
    runs = [{"name": "x [/red] [link=file:///etc]y[/link]", "env_id": "[bold]", "status": "[/]"}]
    text = printed(runs_table(runs, width=200), 200)
    assert "x [/red] [link=file:///etc]y[/link]" in text and "[bold]" in text and "[/]" in text


# --- the dashboard


def test_the_dashboard_shows_progress_returns_losses_and_where_the_time_goes() -> None:
    text = shown(tracked(report(step=40_000), report()))
    for part in (
        "50%", "50,000/100,000", "left", "current 123", "best 480", "entropy 1.25", "approx_kl 0.0071",
        "clip_fraction 0.125", "explained_variance 0.875", "5,000 steps/s", "environment 50%", "policy 20%",
        "update 20%", "other 10%", "480 ± ",
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


def test_drawing_is_cheap() -> None:
    tracker = tracked(*(report(step=step) for step in range(0, 100_000, 1000)))
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    before = time.thread_time()
    for _ in range(20):
        console.print(dashboard(tracker, "title", width=80, height=24))
    assert (time.thread_time() - before) / 20 < 0.05


# --- the views


def plain_view() -> tuple[PlainView, io.StringIO]:
    stream = io.StringIO()
    return PlainView(Console(file=stream, width=200, markup=False), "CartPole-v1 [/x]"), stream


def test_the_plain_view_prints_a_line_at_each_tenth() -> None:
    view, stream = plain_view()
    view.start()
    for step in range(1000, 100_001, 1000):
        view.update(report(step=step))
    view.stop()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "CartPole-v1 [/x]"
    assert len(lines) == 12
    assert lines[-1].startswith("100%") and "return 123" in lines[-1] and "evaluation 480" in lines[-1]


def test_the_plain_view_prints_every_notice_once() -> None:
    view, stream = plain_view()
    view.update(report(notices=("checkpoint [x] is damaged",)))
    view.update(report())
    assert stream.getvalue().count("checkpoint [x] is damaged") == 1


def test_the_quiet_view_prints_notices_and_nothing_else() -> None:
    stream = io.StringIO()
    view = QuietView(Console(file=stream, width=20, markup=False))
    view.start()
    view.notice("said before [/x] it starts")
    view.update(report(notices=("checkpoint [x] is damaged",)))
    view.update(report())
    view.stop()
    assert stream.getvalue() == "said before [/x] it starts\ncheckpoint [x] is damaged\n"


def test_the_live_view_draws_notices_above_and_leaves_only_them() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, height=24, force_terminal=True, color_system=None, markup=False)
    view = LiveView(console, "title [/x]", lambda: True)
    view.start()
    view.update(report(notices=("a notice [/y]",)))
    time.sleep(0.6)
    view.stop()
    view.stop()
    text = stream.getvalue()
    assert (
        "title [/x]" in text and "a notice [/y]" in text and "50,000/100,000" in text and "stopping" in text
    )
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_updating_the_live_view_costs_next_to_nothing() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    view = LiveView(console, "title", lambda: False)
    each = report(*(member() for _ in range(8)))
    before = time.thread_time()
    for _ in range(1000):
        view.update(each)
    assert time.thread_time() - before < 0.5


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"TERM": "xterm", "CI": "true"}, {"TERM": ""}])
def test_nothing_is_animated_where_it_cannot_be(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.setattr("ppo_cli.report.console.is_terminal", lambda stream: True)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert can_animate()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert not can_animate()
    assert isinstance(make_view("title", quiet=False, stopping=lambda: False), PlainView)
    assert isinstance(make_view("title", quiet=True, stopping=lambda: False), QuietView)


class BrokenStream(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(5, "the terminal is gone")


def test_a_stderr_that_cannot_be_written_does_not_stop_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", BrokenStream())
    view = PlainView(stderr_console(), "title")
    view.start()
    view.update(report())
    monkeypatch.setattr("sys.stderr", None)
    stderr_console().print("into nothing")


# --- tables


def run_row(seed: int = 1, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": f"CartPole-v1-ppo-clip-s{seed}",
        "run_dir": f"runs/CartPole-v1-ppo-clip-s{seed}",
        "env_id": "CartPole-v1",
        "algorithm": "ppo-clip",
        "seed": seed,
        "status": "completed",
        "global_step": 100_000,
        "wall_time": 62.0,
        "eval": {"mean": 490.0, "ci95": [480.0, 500.0], "episodes": 100},
    }
    return row | changes


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_of_runs_cuts_no_number_and_no_name(width: int) -> None:
    rows = [run_row(), run_row(2, status="unreadable", eval=None, global_step=None, wall_time=None)]
    text = printed(runs_table(rows, width=width), width)
    assert "CartPole-v1-ppo-clip-s1" in text and "490 ± 10" in text and "100,000" in text and "1:02" in text
    assert "unreadable" in text and "…" not in text


def test_a_summary_that_holds_anything_is_shown() -> None:
    row = run_row(status=["x"], global_step="many", wall_time=None, eval={"mean": "high", "ci95": None})
    assert "CartPole-v1-ppo-clip-s1" in printed(runs_table([row], width=120), 120)


@pytest.mark.parametrize(
    ("evaluation", "text"),
    [
        ("x", "-"),
        (5, "-"),
        (["mean"], "-"),
        ({"mean": 1.0, "ci95": 5}, "1"),
        ({"mean": 1.0, "ci95": [0.5]}, "1"),
        ({"mean": 1.0, "ci95": "ab"}, "1"),
        ({"mean": 1.0, "ci95": {"a": 1, "b": 2}}, "1"),
        ({"mean": 10**400, "ci95": [10**400, 10**400]}, "-"),
        ({"mean": True, "ci95": [None, "x"], "episodes": 10**400}, "-"),
    ],
)
def test_numbers_of_the_wrong_type_or_size_are_not_shown(evaluation: Any, text: str) -> None:
    assert eval_text(evaluation) == text
    row = run_row(global_step=10**400, wall_time="x", eval=evaluation)
    for table in (runs_table([row], width=120), training_table([row], None)):
        assert "CartPole-v1-ppo-clip-s1" in printed(table, 120)


def test_the_training_table_ends_with_the_mean_over_seeds() -> None:
    over_seeds = {"mean": 485.0, "ci95": [475.0, 495.0], "n_seeds": 2}
    text = printed(training_table([run_row(1), run_row(2)], over_seeds))
    assert "mean over 2 seeds" in text and "485 ± 10" in text


def test_a_problem_comes_with_what_to_do() -> None:
    checks = [{"name": "box2d", "ok": False, "detail": "missing", "fix": "pip install [box2d]"}]
    assert "to do: pip install [box2d]" in printed(checks_table(checks))


def test_the_algorithms_are_readable_in_80_columns() -> None:
    documents = [describe_algorithm(name) for name in ALGORITHMS]
    out = io.StringIO()
    Console(file=out, width=80).print(algorithms_text(documents))
    lines = out.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= 80
    shown = " ".join(out.getvalue().split())
    for one in documents:
        assert f"{one['name']}: {one['summary']}" in shown
        assert one["formula"] in shown and one["paper"] in shown
        assert all(any(line.startswith(f"  {own['name']} ") for line in lines) for own in one["settings"])
    assert shown.count("whole episodes: num_steps is at least") == 2
