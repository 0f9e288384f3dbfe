"""What is shown of a sweep: the live table, plain lines, and the table of results."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from helpers.terminal import calls_of, printed
from helpers.waiting import wait_until
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from ppo_cli.report.sweep_cells import short_return
from ppo_cli.report.sweep_dashboard import fraction_done, short_label, sweep_dashboard
from ppo_cli.report.sweep_tables import MOST_ROWS, results_table
from ppo_cli.report.sweep_view import SweepLive, SweepPlain, SweepQuiet, make_sweep_view
from ppo_cli.sweeps.results.point_result import PointResult
from ppo_cli.sweeps.running.progress import Cell, ReportRow, SweepReport
from ppo_cli.sweeps.spec.points import Point

STATUSES = ("waiting", "training", "interrupted", "completed", "diverged", "failed", "pruned")


def completed(seed: int, value: float | None) -> Cell:
    return Cell(seed, "completed", 1.0, value)


def row(label: str, *cells: Cell) -> ReportRow:
    return ReportRow(label, cells)


def report(*rows: ReportRow, **changes: Any) -> SweepReport:
    statuses = [cell.status for each in rows for cell in each.cells]
    values: dict[str, Any] = {
        "stage": "training",
        "rows": rows,
        "done": statuses.count("completed") + statuses.count("pruned"),
        "running": statuses.count("training"),
        "failed": statuses.count("failed") + statuses.count("diverged"),
        "total": len(statuses),
        "elapsed": 125.0,
        "time_left": 900.0,
        "steps_per_second": 12_345.6,
        "best": None,
    }
    return SweepReport(**(values | changes))


def progress(fraction: float, points: int = 4, seeds: int = 5, **changes: Any) -> SweepReport:
    """All runs equally far."""
    cell = {"status": "completed" if fraction >= 1 else "training", "fraction": fraction, "eval_mean": 200.0}
    rows = [row(f"eps_clip=0.{i}", *(Cell(seed, **cell) for seed in range(seeds))) for i in range(points)]
    return report(*rows, **changes)


DIVERGED, FAILED = Cell(3, "diverged", 0.5, None), Cell(2, "failed", 0.1, None)
TRAINING, PRUNED = Cell(1, "training", 0.5, 120.4), Cell(3, "pruned", 0.25, 12.0)
WAITING, INTERRUPTED = Cell(1, "waiting", 0.0, None), Cell(2, "interrupted", 0.3, None)
MIXED = report(
    row("eps_clip=0.1", completed(1, 251.4), completed(2, -87.1), DIVERGED),
    row("eps_clip=0.2", TRAINING, FAILED, PRUNED),
    row("eps_clip=0.3", WAITING, INTERRUPTED, Cell(3, "waiting", 0.0, None)),
    best=("eps_clip=0.1", 82.15, 2),
)


def shown(what: SweepReport | None, width: int = 80, height: int = 24, **options: Any) -> str:
    return printed(sweep_dashboard(what, "LunarLander-v3", width=width, height=height, **options), width)


def line_of(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


# --- the live table


def test_each_run_shows_its_return_its_progress_or_why_it_stopped() -> None:
    text = shown(MIXED)
    assert line_of(text, "eps_clip=0.1").split() == ["eps_clip=0.1", "251", "-87", "DIV", "82.15"]
    assert line_of(text, "eps_clip=0.2").split() == ["eps_clip=0.2", "▅", "120", "FAIL", "cut", "-"]
    assert line_of(text, "eps_clip=0.3").split() == ["eps_clip=0.3", "·", "stop", "·", "-"]
    for part in ("seed 1", "DIV diverged", "FAIL failed", "cut pruned", "stop interrupted"):
        assert part in text, part


def test_only_the_signs_that_are_shown_are_explained() -> None:
    text = shown(report(row("eps_clip=0.1", TRAINING, Cell(2, "waiting", 0.0, None))))
    assert "▁█ training  · waiting" in text and "diverged" not in text and "pruned" not in text


def test_the_dashboard_says_how_many_runs_are_where_the_best_and_the_time_left() -> None:
    text = shown(MIXED)
    for part in (
        "5/9 runs", "15:00 left", "3 done", "1 training", "3 waiting", "2 failed", "12,346 steps/s",
        "elapsed 2:05", "82.15 (mean of 2 seeds)",
    ):  # fmt: skip
        assert part in text, part


def test_the_bar_counts_the_part_of_a_run_that_is_done_and_runs_that_will_not_go_on() -> None:
    assert fraction_done(MIXED) == pytest.approx((3 + 0.5 + 1 + 1 + 0.3) / 9)
    assert " 64%" in shown(MIXED)
    assert fraction_done(report()) == 0.0


def test_the_colour_of_a_run_tells_its_return() -> None:
    text = printed(
        sweep_dashboard(progress_of_returns(0.0, 100.0, 50.0), "t", width=80, height=24),
        force_terminal=True, color_system="truecolor",
    )  # fmt: skip
    worst, best = "48;2;68;1;84m", "48;2;253;231;37m"
    line = next(line for line in text.splitlines() if "eps_clip=0.1" in line)
    assert line.index(worst) < line.index(best), "the first seed is the worst, the second the best"


def progress_of_returns(*returns: float) -> SweepReport:
    return report(row("eps_clip=0.1", *(completed(seed, value) for seed, value in enumerate(returns))))


def test_without_colour_many_seeds_are_digits_from_worst_to_best() -> None:
    text = shown(progress_of_returns(*(float(value) for value in range(60))), colour=False)
    digits = line_of(text, "eps_clip=0.1").split()[1]
    assert len(digits) >= 40 and list(digits) == sorted(digits) and digits[0] == "0"
    assert "0-9 return 0.00 to 59" in text


def test_many_seeds_take_one_character_each_and_the_rest_is_counted() -> None:
    assert "█" * 20 in shown(progress_of_returns(*([5.0] * 20)))
    cut = line_of(shown(progress_of_returns(*([5.0] * 300))), "eps_clip=0.1")
    assert cut.count("█") + int(cut.rpartition("+")[2]) == 300


def test_every_sign_has_one_character_when_cells_are_small() -> None:
    cells = [Cell(seed, STATUSES[seed % len(STATUSES)], 0.5, 5.0) for seed in range(21)]
    text = shown(report(row("eps_clip=0.1", *cells)))
    assert "·▅s█DFc" * 3 in text
    assert "D diverged" in text and "F failed" in text and "c pruned" in text and "s interrupted" in text


def test_the_points_in_training_and_the_best_are_shown_when_there_is_no_room_for_all() -> None:
    rows = [row(f"gamma=0.{index:03}", completed(1, float(index)), completed(2, 0.0)) for index in range(100)]
    rows[70] = row("gamma=0.070", Cell(1, "training", 0.5, None), Cell(2, "waiting", 0.0, None))
    rows[3] = row("gamma=0.003", Cell(1, "waiting", 0.0, None), Cell(2, "waiting", 0.0, None))
    text = shown(report(*rows, best=("gamma=0.099", 49.5, 2)))
    labels = [line.split()[0] for line in text.splitlines() if line.startswith("gamma=")]
    assert "gamma=0.070" in labels and "gamma=0.099" in labels and "gamma=0.098" in labels
    assert labels == sorted(labels), "in the order of the sweep"
    hidden = 100 - len(labels)
    assert f"and {hidden} more points: {hidden - 1} done, 1 waiting" in text


@settings(max_examples=60)
@given(
    points=st.integers(0, 60),
    seeds=st.integers(1, 70),
    size=st.sampled_from([(80, 24), (160, 50), (40, 15), (60, 12)]),
    data=st.data(),
)
def test_the_dashboard_fits_the_terminal_whatever_is_swept(
    points: int, seeds: int, size: tuple[int, int], data: st.DataObject
) -> None:
    cell = st.tuples(st.sampled_from(STATUSES), st.floats(0, 1), st.none() | st.floats())
    some = data.draw(st.lists(cell, min_size=1, max_size=8))
    rows = [
        row(f"learning_rate={index}+env_kwargs.漢={'x' * (index % 50)}",
            *(Cell(seed, *some[(index + seed) % len(some)]) for seed in range(seeds)))
        for index in range(points)
    ]  # fmt: skip
    for unicode in (True, False):
        text = shown(report(*rows), *size, unicode=unicode, stopping=True)
        lines = text.rstrip("\n").split("\n")
        assert len(lines) <= size[1]
        assert max(map(cell_len, lines)) <= size[0]


def test_the_dashboard_of_a_plain_ascii_terminal_has_no_other_characters() -> None:
    for what in (MIXED, progress(0.5, seeds=30), progress(1.0, seeds=30)):
        assert shown(what, unicode=False, stopping=True).isascii()


def test_a_label_that_looks_like_markup_or_moves_the_cursor_is_shown_as_text() -> None:
    text = shown(report(row("[/x]\x1b[2J", completed(1, 2.0)), best=("[/x]\x1b[2J", 2.0, 1)))
    assert "[/x]\\x1b[2J" in text and "\x1b[2J" not in text


def test_the_dashboard_stands_before_the_first_report_and_without_any_point() -> None:
    assert "starting" in shown(None)
    assert "0/0 runs" in shown(report(time_left=None, steps_per_second=math.nan))


def test_a_stop_that_was_asked_for_is_said() -> None:
    assert "stopping" in shown(MIXED, stopping=True) and "stopping" not in shown(MIXED)


def test_a_long_label_keeps_its_values() -> None:
    label = "eps_clip=0.1+learning_rate=0.0003"
    assert short_label(label, 40) == label
    short = short_label(label, 24)
    assert len(short) <= 24 and "=0.1+" in short and short.endswith("=0.0003")
    assert short_label("x" * 50, 10) == "x" * 9 + "…"


@given(st.text(max_size=60), st.integers(1, 60))
def test_a_short_label_is_never_too_long(label: str, width: int) -> None:
    assert len(short_label(label, width)) <= width


@given(st.none() | st.floats())
def test_a_return_fits_its_cell(value: float | None) -> None:
    assert len(short_return(value)) <= 6


def test_drawing_a_hundred_times_as_many_points_takes_few_times_as_long() -> None:
    small, large = (progress(0.5, points=points, seeds=10) for points in (10, 1_000))
    assert calls_of(lambda: shown(large)) < 20 * calls_of(lambda: shown(small))


# --- the views


def stream_of(view: type[SweepPlain] | type[SweepQuiet], **options: Any) -> tuple[Any, io.StringIO]:
    stream = io.StringIO()
    return view(Console(file=stream, width=200, markup=False), **options), stream


def test_the_plain_view_prints_a_line_at_each_tenth_and_at_a_new_stage() -> None:
    view, stream = stream_of(SweepPlain, title="LunarLander-v3 [/x]")
    view.start()
    for percent in range(101):
        view.update(progress(percent / 100, elapsed=1.0, best=("eps_clip=0.2", 251.34, 5)))
    view.update(progress(1.0, elapsed=1.0, stage="held-out seeds"))
    view.stop()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "LunarLander-v3 [/x]"
    assert len(lines) == 13
    assert lines[-2].startswith("100%") and "20/20 runs done" in lines[-2]
    assert "best eps_clip=0.2: 251.3 (5 seeds)" in lines[-2] and "held-out seeds" in lines[-1]
    assert all(line.isascii() and "\x1b" not in line for line in lines)


def test_a_long_sweep_prints_a_line_now_and_then() -> None:
    view, stream = stream_of(SweepPlain, title="t")
    for second in range(3600):
        view.update(progress(0.5 + second / 1e6, elapsed=float(second)))
    assert 10 < len(stream.getvalue().splitlines()) < 150


@pytest.mark.parametrize("view_type", [SweepPlain, SweepQuiet])
def test_every_notice_is_printed_once(view_type: Any) -> None:
    view, stream = stream_of(view_type, **({"title": "t"} if view_type is SweepPlain else {}))
    view.start()
    view.notice("said before [/x] it starts")
    view.update(progress(0.1, notices=("run [x] diverged",)))
    view.update(progress(0.1))
    view.stop()
    assert stream.getvalue().count("run [x] diverged") == 1
    assert "said before [/x] it starts" in stream.getvalue()
    if view_type is SweepQuiet:
        assert len(stream.getvalue().splitlines()) == 2


def test_the_live_view_draws_the_table_with_notices_above_and_gives_the_terminal_back() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, height=24, force_terminal=True, color_system=None, markup=False)
    view = SweepLive(console, "title [/x]", lambda: True)
    view.start()
    view.update(progress(0.5, notices=("a notice [/y]",)))
    wait_until(lambda: "eps_clip=0.3" in stream.getvalue())
    view.stop()
    view.stop()
    text = stream.getvalue()
    assert "title [/x]" in text and "a notice [/y]" in text and "eps_clip=0.3" in text and "stopping" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_nothing_is_animated_where_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppo_cli.report.console.is_terminal", lambda stream: True)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    options: dict[str, Any] = {"quiet": False, "stopping": lambda: False}
    assert isinstance(make_sweep_view("t", **options), SweepLive)
    assert type(make_sweep_view("t", **(options | {"quiet": True}))) is SweepQuiet
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_sweep_view("t", **options), SweepPlain)


# --- the table of results


def result(returns: list[float], n_failed: int = 0, n_pruned: int = 0, **values: Any) -> PointResult:
    seeds = tuple(range(len(returns)))
    return PointResult(
        Point.of(values), seeds, tuple(returns), n_failed, n_pruned, 0, 500_000 * len(returns), 62.0
    )


RESULTS = [
    result([190.0, 200.0, 210.0], eps_clip=0.1, learning_rate=0.0003),
    result([240.0, 250.0, 260.0], eps_clip=0.2, learning_rate=0.0003),
    result([], 3, eps_clip=0.3, learning_rate=0.0003),
    result([5.0], 2, eps_clip=0.4, learning_rate=0.0003),
]


def test_the_table_gives_mean_interval_iqm_failures_steps_and_time() -> None:
    lines = printed(results_table(RESULTS, width=100), 100).splitlines()
    assert lines[0].split() == [
        "eps_clip",
        "learning_rate",
        "seeds",
        "mean",
        "IQM",
        "failed",
        "steps",
        "time",
    ]
    assert lines[2].split() == ["0.1", "0.0003", "3", "200", "±", "24.84", "200", "0", "1.5M", "1:02"]
    assert lines[4].split() == ["0.3", "0.0003", "0", "-", "-", "3", "0", "1:02"]
    assert lines[5].split()[3:6] == ["5", "5", "2"], "one seed has no interval"


def test_the_best_point_is_bold() -> None:
    for best, value in ((None, "0.2"), (RESULTS[0].point, "0.1")):
        text = printed(
            results_table(RESULTS, best=best, width=100), 100, force_terminal=True, color_system="standard"
        )
        (bold,) = [line for line in text.splitlines()[2:] if "\x1b[1;32m" in line]
        assert f"1;32m{value}" in bold


def test_what_was_pruned_has_a_column_when_there_is_any() -> None:
    assert "pruned" not in printed(results_table(RESULTS, width=100), 100)
    assert "pruned" in printed(results_table([result([], n_pruned=5, eps_clip=0.1)], width=100), 100)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_number_is_cut_in_a_narrow_terminal(width: int) -> None:
    settings = {
        "learning_rate": 0.00031415926,
        "eps_clip": 0.2,
        "hidden_sizes": [64, 64],
        "activation": "tanh",
    }
    text = printed(results_table([result([-1234.5, -1300.2, -1111.1], **settings)], width=width), width)
    assert "…" not in text and "-1215 ± 238.5" in text and "64x64" in text


def test_of_very_many_points_the_best_are_shown() -> None:
    many = [result([float(index)], gamma=index / 1000) for index in range(200)]
    lines = printed(results_table(many, width=80)).splitlines()
    assert len(lines) == 2 + MOST_ROWS + 1
    assert lines[2].split()[0] == "0.199" and lines[-1].strip() == f"and {200 - MOST_ROWS} more"


def test_values_from_files_are_shown_as_text() -> None:
    strange = result([1.0], **{"env_kwargs.text": "[/red]\x1b[2J"})
    text = printed(results_table([strange], width=80))
    assert "[/red]" in text and "\x1b" not in text
