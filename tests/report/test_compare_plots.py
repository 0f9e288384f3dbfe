"""The picture of a comparison: curves and performance profiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.comparisons import HIGH, LOW, compare
from helpers.run_folders import make_group, make_run
from matplotlib.figure import Figure

from ppo_cli.report import compare_plots
from ppo_cli.report.compare_plots import comparison_plot


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
