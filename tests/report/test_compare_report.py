"""The tables, the terminal's curves and the picture of a comparison."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.comparisons import HIGH, LOW, compare
from helpers.run_folders import make_group, make_run, make_sweep
from matplotlib.figure import Figure
from rich.console import Console

from ppo_cli.compare.statistics import iqm
from ppo_cli.report import compare_plots
from ppo_cli.report.compare_columns import pair_columns
from ppo_cli.report.compare_plots import comparison_plot
from ppo_cli.report.compare_tables import MOST_PAIRS, config_table, groups_tables, pairs_table
from ppo_cli.report.curve_text import MOST_CURVES, curve_text
from ppo_cli.report.plotting.curves import MeanCurve, iqm_curve, mean_curve


def printed(what: object, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(what)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def straight(first: float, last: float, *, steps: Sequence[float] = (0, 1000)) -> MeanCurve:
    found = mean_curve([(np.array(steps, dtype=float), np.linspace(first, last, len(steps)))])
    assert found is not None
    return found


# Tables


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_table_is_wider_than_the_terminal_and_no_number_is_cut(runs_dir: Path, width: int) -> None:
    make_group(runs_dir, "LunarLander-v3-ppo-clip", HIGH, env_id="LunarLander-v3")
    make_group(runs_dir, "LunarLander-v3-shaped", [*LOW, None], env_id="LunarLander-v3", status="completed")
    comparison = compare(runs_dir, "LunarLander-v3-ppo-clip", "LunarLander-v3-shaped")
    tables = groups_tables(comparison, width=width)
    shown = "\n".join(
        "\n".join(printed(table, width)) for table in [*tables, pairs_table(comparison, width=width)]
    )
    assert len(tables) == (1 if width == 140 else 2)
    for text in (
        "300 ± 9.5",
        "[292.0",
        "4k (5/5)",
        "1:00",
        "left out",
        "+100 [89, 111]",
        "<0.001",
        "1.00 [1.00, 1.00]",
    ):
        assert text in shown, shown
    assert "…" not in shown


def test_the_highest_mean_is_bold_where_high_is_better_and_not_otherwise(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", HIGH)
    (table,) = groups_tables(compare(runs_dir, "a", "b"), width=200)
    assert [str(cell.style) for cell in table.columns[0].cells] == ["", "bold"]
    (table,) = groups_tables(compare(runs_dir, "a", "b", metric="eval/std"), width=200)
    assert [str(cell.style) for cell in table.columns[0].cells] == ["", ""]


def test_of_many_pairs_the_clearest_are_shown(runs_dir: Path) -> None:
    points = {f"eps_clip={value / 10}": [100.0 + 20 * value, 101.0, 99.0] for value in range(1, 11)}
    make_sweep(runs_dir, "wide", points)
    comparison = compare(runs_dir, "wide")
    table = pairs_table(comparison, width=200)
    assert table.row_count == MOST_PAIRS + 1
    smallest = min(pair.p_uncorrected for pair in comparison.pairs)
    first = pair_columns(comparison, [pair for pair in comparison.pairs if pair.p_uncorrected == smallest])
    assert str(next(iter(table.columns[0].cells))) == first[0][1][0]


def test_settings_of_many_groups_go_into_one_column(runs_dir: Path) -> None:
    make_sweep(runs_dir, "wide", {f"learning_rate={value}e-05": [1.0] for value in range(1, 9)})
    comparison = compare(runs_dir, "wide")
    assert len(config_table(comparison, width=300).columns) == 9
    assert (
        "learning_rate=1e-05: 1.0e-05; learning_rate=2e-05: 2.0e-05"
        in printed(config_table(comparison, width=100), 999)[2]
    )


# Curves in a terminal


def plain(curves: dict[str, MeanCurve], *, width: int = 60, threshold: float | None = None) -> list[str]:
    shown = curve_text(curves, width=width, threshold=threshold, unicode=False, colour=False)
    return shown.plain.splitlines()


def body(lines: list[str]) -> list[str]:
    """The rows of a plot without the labels of its axis."""
    return [re.split(r"[|+]", line, maxsplit=1)[1] for line in lines[:10]]


def test_a_rising_curve_goes_from_the_lower_left_to_the_upper_right() -> None:
    lines = plain({"a": straight(0.0, 100.0)})
    places = [
        (row, column)
        for row, line in enumerate(body(lines))
        for column, sign in enumerate(line)
        if sign == "1"
    ]
    first, last = (choose(places, key=lambda place: place[1]) for choose in (min, max))
    assert first[0] > 7 and last[0] < 2
    assert first[1] == 0 and last[1] > 50
    columns = {column for _, column in places}
    assert columns == set(range(min(columns), max(columns) + 1)), "no gap"


def test_curves_are_told_apart_without_colour() -> None:
    lines = plain({"a": straight(0.0, 0.0), "b": straight(100.0, 100.0)})
    low = next(row for row, line in enumerate(lines) if "111" in line)
    high = next(row for row, line in enumerate(lines) if "222" in line)
    assert high < low
    assert lines[-1] == "1 a   2 b"


def test_with_colour_curves_are_braille_dots_in_the_colours_of_the_legend() -> None:
    shown = curve_text(
        {"a": straight(0, 1), "b": straight(1, 0)}, width=60, threshold=None, unicode=True, colour=True
    )
    dots = {str(span.style) for span in shown.spans if "⠀" < shown.plain[span.start] <= "⣿"}
    legend = {str(span.style) for span in shown.spans if shown.plain[span.start : span.end] == "━━"}
    assert dots == legend and len(dots) == 2


def test_the_threshold_is_a_line_where_it_is_in_view_and_nowhere_else() -> None:
    curves = {"a": straight(0.0, 100.0)}
    assert "-- solved: 50" in plain(curves, threshold=50.0)[-1]
    assert "----------" in "".join(plain(curves, threshold=50.0)[:10])
    assert "solved" not in plain(curves, threshold=9000.0)[-1]


def test_a_part_that_not_all_seeds_reach_is_dotted() -> None:
    long = (np.array([0.0, 1000.0]), np.array([5.0, 5.0]))
    short = (np.array([0.0, 500.0]), np.array([5.0, 5.0]))
    curve = mean_curve([long, short])
    assert curve is not None
    line = next(line for line in body(plain({"a": curve})) if "1" in line)
    assert "1111" in line and "1 1 1" in line
    assert line.index("1 1 1") > line.index("1111")


def test_the_plot_fits_its_width_and_says_what_is_left_out() -> None:
    curves = {f"group number {index}": straight(0.0, index) for index in range(9)}
    lines = plain(curves, width=40)
    assert max(map(len, lines)) <= 40
    assert f"the {MOST_CURVES} that end highest, of 9" in lines[-1]
    assert not any("group number 0" in line for line in lines)


# Curves over seeds


def test_an_iqm_curve_is_the_iqm_at_each_step_and_leaves_an_outlier_out() -> None:
    steps = np.array([0.0, 100.0])
    seeds = [(steps, np.array([value, 2 * value])) for value in (1.0, 2.0, 3.0, 1000.0)]
    curve = iqm_curve(seeds, points=3)
    assert curve is not None
    assert curve.mean.tolist() == [2.5, 3.75, 5.0]
    assert curve.mean[1] == iqm([1.5, 3.0, 4.5, 1500.0])
    assert (curve.low <= curve.mean).all() and (curve.mean <= curve.high).all()


def test_an_iqm_curve_goes_on_with_the_seeds_that_are_left_without_a_band() -> None:
    long = [(np.array([0.0, 100.0]), np.array([value, value])) for value in (1.0, 3.0)]
    curve = iqm_curve([*long, (np.array([0.0, 50.0]), np.array([8.0, 8.0]))], points=5)
    assert curve is not None
    assert curve.mean.tolist() == [4.0, 4.0, 4.0, 2.0, 2.0]
    assert np.isnan(curve.low[3:]).all() and np.isfinite(curve.low[:3]).all()


# The picture


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that would be written."""
    made: list[Figure] = []

    def keep(figure: Figure, path: Path) -> tuple[Path, Path]:
        figure.draw_without_rendering()
        made.append(figure)
        return path, path

    monkeypatch.setattr(compare_plots, "save_figure", keep)
    return made


def test_both_panels_show_every_group_in_one_colour(runs_dir: Path, figures: list[Figure]) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", HIGH)
    comparison_plot(Path("x.png"), compare(runs_dir, "a", "b", threshold=250.0))
    curves, profile = figures[0].axes
    for name in ("a", "b"):
        lines = [next(line for line in axes.lines if line.get_label() == name) for axes in (curves, profile)]
        assert lines[0].get_color() == lines[1].get_color()
    (line,) = (line for line in profile.lines if line.get_label() == "b")
    assert line.get_drawstyle() == "steps-post", "a share holds from a seed's return on"
    shares = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
    assert (shares[290.0], shares[300.0], shares[310.0]) == (0.8, 0.4, 0.0), "seeds strictly above"
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ["a", "b", "solved: 250"]


def test_iqm_curves_are_named_so(runs_dir: Path, figures: list[Figure]) -> None:
    make_group(runs_dir, "a", [*LOW, 9000.0])
    make_group(runs_dir, "b", HIGH)
    comparison = compare(runs_dir, "a", "b")
    for kind in ("mean", "iqm"):
        comparison_plot(Path("x.png"), comparison, kind=kind)
    ends = [
        next(line for line in figure.axes[0].lines if line.get_label() == "a").get_ydata()[-1]
        for figure in figures
    ]
    assert ends[0] > 1000 > ends[1]
    assert "IQM of 5 to 6 seeds" in figures[1].axes[0].get_title(loc="left")


def test_one_seed_each_has_no_band_and_says_so(runs_dir: Path, figures: list[Figure]) -> None:
    make_run(runs_dir, "a-s1")
    make_run(runs_dir, "b-s1", 50.0)
    comparison_plot(Path("x.png"), compare(runs_dir, "a-s1", "b-s1"))
    assert "1 seed each: no band" in figures[0].axes[0].get_title(loc="left")


def test_a_comparison_of_runs_that_all_failed_can_be_drawn(runs_dir: Path, figures: list[Figure]) -> None:
    make_group(runs_dir, "a", [None, None], status="diverged")
    make_group(runs_dir, "b", [None, None], status="diverged")
    comparison_plot(Path("x.png"), compare(runs_dir, "a", "b"))
    assert "no run is complete" in figures[0].axes[0].texts[0].get_text()


def test_equal_comparisons_give_equal_bytes(runs_dir: Path, tmp_path: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", HIGH)
    for name in ("one", "two"):
        comparison_plot(tmp_path / f"{name}.png", compare(runs_dir, "a", "b"), kind="iqm")
    for suffix in (".png", ".svg"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
