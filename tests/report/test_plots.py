"""The pictures of a sweep: what is where, what is said, and that nothing overlaps or is cut."""

from __future__ import annotations

import itertools
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text as MplText
from PIL import Image

from ppo_cli.errors import StorageError, UsageError
from ppo_cli.report import plots
from ppo_cli.runs.eval_stats import mean_interval
from ppo_cli.sweeps.results.point_result import PointResult
from ppo_cli.sweeps.spec.params import Param
from ppo_cli.sweeps.spec.points import Point

EPS_CLIPS = (0.1, 0.2, 0.3, 0.4)


LEARNING_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)


SPREAD = (-20.0, -5.0, 0.0, 10.0, 15.0)


def result(returns: list[float], n_failed: int = 0, **values: Any) -> PointResult:
    seeds = tuple(range(len(returns)))
    return PointResult(Point.of(values), seeds, tuple(returns), n_failed, 0, 0, 500_000 * len(seeds), 60.0)


def param(name: str, *values: Any, **changes: Any) -> Param:
    return Param(path=name, name=name, values=values, **changes)


def eps_clip_results(seeds: int = 5) -> list[PointResult]:
    means = (215.0, 251.0, 243.0, 160.0)
    return [
        result([mean + shift for shift in SPREAD[:seeds]], eps_clip=value)
        for value, mean in zip(EPS_CLIPS, means, strict=True)
    ]


def grid_results() -> list[PointResult]:
    """4 × 5 points; that of the third column and the second row is missing, the last one failed."""
    results = []
    for x, y in itertools.product(range(4), range(5)):
        mean = 250.0 - 60 * abs(x - 1) - 90 * abs(y - 2)
        values = {"eps_clip": EPS_CLIPS[x], "learning_rate": LEARNING_RATES[y]}
        if (x, y) == (3, 4):
            results.append(result([], 5, **values))
        elif (x, y) != (2, 1):
            results.append(result([mean + shift for shift in SPREAD], **values))
    return results


EPS_CLIP = param("eps_clip", *EPS_CLIPS)


GRID = (EPS_CLIP, param("learning_rate", *LEARNING_RATES))


SEARCHED = (
    param("learning_rate", low=1e-5, high=1e-2, log=True),
    param("eps_clip", low=0.05, high=0.5),
    param("num_steps", 64, 128, 256, 512, 1024, 2048),
    param("activation", "tanh", "relu"),
)


ENVS = ("CartPole-v1", "LunarLander-v3", "LunarLanderContinuous-v3", "MountainCarContinuous-v0", "Acrobot-v1")


OUTLIER = [*eps_clip_results()[:3], result([160.0, 150.0, -52104.0, 170.0, 165.0], eps_clip=0.4)]


def searched_results(number: int = 40) -> list[PointResult]:
    rng = np.random.default_rng(1)
    return [
        result(
            (200 - 50 * index % 7 + rng.normal(0, 20, 3)).tolist(),
            learning_rate=float(10 ** rng.uniform(-5, -2)),
            eps_clip=float(rng.uniform(0.05, 0.5)),
            num_steps=int(rng.choice(SEARCHED[2].values)),
            activation=str(rng.choice(["tanh", "relu"])),
        )
        for index in range(number)
    ]


def zipped_results() -> list[PointResult]:
    pairs = zip(EPS_CLIPS, LEARNING_RATES, strict=False)
    return [result([100.0 * x, 200.0 * x], eps_clip=x, learning_rate=y) for x, y in pairs]


def env_results() -> list[PointResult]:
    means = zip(ENVS, (500.0, 240.0, 230.0, 92.0, -85.0), strict=True)
    return [result([mean, mean + 9], env_id=env_id) for env_id, mean in means]


def env_and_activation_results() -> list[PointResult]:
    return [
        result([50.0 * x + y, 50.0 * x + y + 1], env_id=env_id, activation=activation)
        for x, env_id in enumerate(ENVS)
        for y, activation in enumerate(("tanh", "relu"))
    ]


ENV, ACTIVATION = param("env_id", *ENVS), param("activation", "tanh", "relu")


TARGET_KL = param("target_kl", None, 0.01, 0.02)


CASES: dict[str, tuple[tuple[Param, ...], list[PointResult]]] = {
    "one": ((EPS_CLIP,), eps_clip_results()),
    "one seed": ((EPS_CLIP,), eps_clip_results(1)),
    "failures": ((EPS_CLIP,), [*eps_clip_results()[:3], result([], 5, eps_clip=0.4)]),
    "all failed": ((EPS_CLIP,), [result([], 5, eps_clip=value) for value in EPS_CLIPS]),
    "outlier": ((EPS_CLIP,), OUTLIER),
    "grid": (GRID, grid_results()),
    "zipped": (GRID, zipped_results()),
    "search": (SEARCHED, searched_results()),
    "environments": ((ENV,), env_results()),
    "environments and another": ((ENV, ACTIVATION), env_and_activation_results()),
    "optional": ((TARGET_KL,), [result([1.0, 2.0], target_kl=value) for value in TARGET_KL.values]),
}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that would be written."""
    made: list[Figure] = []

    def keep(figure: Figure, path: Path) -> tuple[Path, Path]:
        figure.draw_without_rendering()
        made.append(figure)
        return path, path

    monkeypatch.setattr(plots, "save_figure", keep)
    return made


def drawn(figures: list[Figure], name: str, **options: Any) -> Figure:
    params, results = CASES[name]
    default = options.pop("default", None)
    plots.sensitivity(Path("x.png"), params, results, default, "LunarLander-v3", **options)
    return figures[-1]


def texts_of(figure: Figure) -> list[MplText]:
    """The texts that are seen; ticks beyond the ends of an axis have one that is not drawn."""
    ticks = [
        tick for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    ]  # fmt: skip
    unseen = {id(label) for tick in ticks for label in (tick.label1, tick.label2)}
    artists = figure.findobj(match=lambda artist: isinstance(artist, MplText))
    return [text for text in artists if isinstance(text, MplText) and seen(text) and id(text) not in unseen]


def seen(text: MplText) -> bool:
    return bool(text.get_text()) and text.get_visible()


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in texts_of(figure)]


def dots(axes: Axes, label: str) -> np.ndarray:
    return np.concatenate([line.get_xydata() for line in axes.lines if line.get_label() == label])


# --- one setting


def test_one_setting_shows_every_seed_and_the_mean_of_each_value(figures: list[Figure]) -> None:
    axes = drawn(figures, "one").axes[0]
    shown = dots(axes, "one seed")
    expected = sorted(value for each in eps_clip_results() for value in each.returns)
    assert sorted(shown[:, 1]) == pytest.approx(expected)
    means, low, high = error_bars(axes)
    for each, mean, ends in zip(eps_clip_results(), means, zip(low, high, strict=True), strict=True):
        assert mean == pytest.approx(each.mean)
        assert ends == pytest.approx(mean_interval(each.returns))


def error_bars(axes: Axes) -> tuple[list[float], list[float], list[float]]:
    marks, _, (bars,) = axes.containers[0]
    segments = bars.get_segments()
    return list(marks.get_ydata()), [each[0][1] for each in segments], [each[1][1] for each in segments]


def test_seeds_of_equal_return_are_moved_apart(figures: list[Figure]) -> None:
    plots.sensitivity(
        Path("x"),
        [EPS_CLIP],
        [result([500.0] * 5, eps_clip=value) for value in EPS_CLIPS],
        None,
        "CartPole-v1",
    )
    places = dots(figures[0].axes[0], "one seed")[:, 0]
    assert len(set(places)) == 20
    assert all(min(abs(place - value) for value in EPS_CLIPS) < 0.02 for place in places)


def test_one_seed_has_no_interval_and_the_plot_says_so(figures: list[Figure]) -> None:
    figure = drawn(figures, "one seed")
    assert not figure.axes[0].containers
    assert any("1 seed each: no interval" in text for text in words(figure))


def test_the_default_and_the_mark_of_a_solved_task_are_drawn_where_they_are(figures: list[Figure]) -> None:
    figure = drawn(figures, "one", default=Point.of({"eps_clip": 0.2}), threshold=200.0)
    lines = {line.get_label(): line.get_xydata() for line in figure.axes[0].lines}
    assert lines["default: 0.2"][0][0] == pytest.approx(0.2)
    assert lines["solved: 200"][0][1] == pytest.approx(200.0)


def test_a_mark_of_a_solved_task_that_is_far_off_does_not_squeeze_the_plot(figures: list[Figure]) -> None:
    figure = drawn(figures, "one", threshold=100_000.0)
    assert figure.axes[0].get_ylim()[1] < 500
    assert not any("solved" in text for text in words(figure))


def test_a_huge_outlier_is_named_and_leaves_the_rest_readable(figures: list[Figure]) -> None:
    figure = drawn(figures, "outlier")
    low, high = figure.axes[0].get_ylim()
    assert low > -500 and high < 600
    assert any("−52104" in text and "mean −10292" in text for text in words(figure))
    assert len(error_bars(figure.axes[0])[0]) == 3, "a mean out of view is not joined with the others"


def test_failures_stand_at_their_value(figures: list[Figure]) -> None:
    figure = drawn(figures, "failures")
    (note,) = [text for text in figure.axes[0].texts if "failed" in text.get_text()]
    assert note.get_text() == "5 failed" and note.xy[0] == pytest.approx(0.4)
    assert any("5 runs failed" in text for text in words(figure))


def test_when_every_run_failed_the_picture_says_that(figures: list[Figure]) -> None:
    assert "no completed run: 20 failed" in words(drawn(figures, "all failed"))


def test_no_line_joins_words_or_a_value_that_is_off(figures: list[Figure]) -> None:
    for name in ("environments", "optional"):
        joined = [
            line for line in drawn(figures, name).axes[0].lines if line.get_label().startswith("_child")
        ]
        assert not [line for line in joined if len(line.get_xdata()) > 1 and line.get_linestyle() == "-"]


# --- several settings


def test_a_heat_map_has_a_number_in_each_cell_and_says_what_is_missing(figures: list[Figure]) -> None:
    figure = drawn(figures, "grid", default=Point.of({"eps_clip": 0.2, "learning_rate": 3e-4}))
    axes = figure.axes[0]
    cells = {tuple(map(round, text.get_position())): text.get_text() for text in axes.texts}
    assert len(cells) == 20
    assert cells[2, 1] == "no run" and cells[3, 4] == "5 failed"
    assert cells[1, 2].startswith("250 ± ")
    shades = np.ma.getmaskarray(axes.collections[0].get_array())
    assert shades.sum() == 2 and shades[1, 2] and shades[4, 3]
    frames = {line.get_label(): line.get_xydata().mean(0).round(1).tolist() for line in axes.lines}
    assert np.allclose(frames["best"], [1, 2], atol=0.2) and np.allclose(frames["default"], [1, 1], atol=0.2)


def test_the_colours_of_each_environment_go_from_its_worst_to_its_best(figures: list[Figure]) -> None:
    axes = drawn(figures, "environments and another").axes[0]
    shades = np.asarray(axes.collections[0].get_array())
    assert shades.tolist() == [[0.0] * len(ENVS), [1.0] * len(ENVS)]


def test_settings_that_make_no_grid_get_a_panel_each(figures: list[Figure]) -> None:
    for name, number in (("search", 4), ("zipped", 2)):
        panels = drawn(figures, name).axes
        assert len(panels) == number
        for axes, setting in zip(panels, CASES[name][0], strict=True):
            assert axes.get_xlabel().startswith(setting.name)
            assert len(dots(axes, "one point (mean over its seeds)")) == len(CASES[name][1])
            assert dots(axes, "best point")[0][1] == max(each.mean for each in CASES[name][1])


@pytest.mark.parametrize("name", CASES)
def test_no_text_is_cut_and_none_overlaps_another(figures: list[Figure], name: str) -> None:
    assert_readable(drawn(figures, name, threshold=200.0))


def assert_readable(figure: Figure) -> None:
    width, height = figure.get_size_inches() * figure.dpi
    boxes = []
    for text in texts_of(figure):
        box = text.get_window_extent()
        assert min(box.x0, box.y0) >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, text.get_text()
        if text.get_rotation() in (0.0, 90.0):  # the box of a turned text is much larger than the text
            boxes.append((text.get_text(), box))
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        area = max(0.0, min(first.x1, second.x1) - max(first.x0, second.x0)) * max(
            0.0, min(first.y1, second.y1) - max(first.y0, second.y0)
        )
        assert area < 4.0 or (one, first.bounds) == (other, second.bounds), f"{one!r} overlaps {other!r}"


def curves(number: int, seeds: int = 3, length: int = 50) -> dict[str, Any]:
    steps = np.arange(1, length + 1) * 10_000.0
    return {
        f"learning_rate = {index}": [
            (steps, np.linspace(-200, 10 * index + seed, length)) for seed in range(seeds)
        ]
        for index in range(number)
    }


def test_each_value_gets_a_line_a_colour_and_a_band(figures: list[Figure]) -> None:
    plots.learning_curves(Path("x"), curves(4), title="LunarLander-v3: learning_rate", threshold=20.0)
    axes = figures[0].axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert set(lines) == {*curves(4), "solved: 20"}
    assert len({line.get_color() for line in lines.values()}) == 5
    assert len(axes.collections) == 4
    assert axes.get_xlabel() == "environment steps per seed (thousands)"
    assert axes.lines[0].get_xdata()[-1] == pytest.approx(500.0)
    texts = words(figures[0])
    assert "LunarLander-v3: learning_rate" in texts
    assert any("mean of 3 seeds each; band: 95 % interval of the mean" in text for text in texts)


def test_of_many_values_the_best_are_coloured_and_named(figures: list[Figure]) -> None:
    plots.learning_curves(Path("x"), curves(40), title="LunarLander-v3")
    assert_readable(figures[0])
    (legend,) = figures[0].legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [f"learning_rate = {index}" for index in range(33, 40)] + ["the others"]
    assert figures[0].axes[0].get_position().height * figures[0].get_size_inches()[1] > 2.0, (
        "the legend leaves room"
    )


def test_a_curve_whose_seeds_ended_is_dotted_and_the_plot_says_so(figures: list[Figure]) -> None:
    some = curves(1)
    ((label, seeds),) = some.items()
    seeds[0] = (seeds[0][0][:20], seeds[0][1][:20])
    plots.learning_curves(Path("x"), some)
    assert any("dotted: some seeds have ended" in text for text in words(figures[0]))
    assert np.isnan(figures[0].axes[0].lines[0].get_ydata()[-1])
    assert label == figures[0].axes[0].lines[0].get_label()


def test_curves_without_any_point_make_a_picture_that_says_so(figures: list[Figure]) -> None:
    plots.learning_curves(Path("x"), {"a": [], "b": [(np.empty(0), np.empty(0))]})
    assert any("no curve" in text for text in words(figures[0]))


# --- files


def test_both_files_are_written_and_equal_data_give_equal_bytes(tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        params, results = CASES["grid"]
        written = plots.sensitivity(folder / "grid.png", params, results, None, "LunarLander-v3")
        assert written == (folder / "grid.png", folder / "grid.svg")
        plots.learning_curves(folder / "curves.png", curves(3))
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["curves.png", "curves.svg", "grid.png", "grid.svg"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    with Image.open(tmp_path / "a" / "grid.png") as picture:
        assert picture.size[0] == 1200 and "Software" not in picture.info
    assert ET.parse(tmp_path / "a" / "grid.svg").getroot().tag.endswith("svg")


def test_labels_that_look_like_formulas_or_control_the_terminal_are_drawn_as_they_are(
    figures: list[Figure],
) -> None:
    strange = "a $x_{1$ \x1b[2J é 漢"
    plots.sensitivity(
        Path("x"),
        [param("env_kwargs.text", strange, "b")],
        [result([1.0, 2.0], **{"env_kwargs.text": strange})],
        None,
        "e$",
    )
    plots.learning_curves(Path("x"), {strange: [(np.arange(3.0), np.arange(3.0))]}, title=strange)
    assert "\x1b" not in "".join(words(figures[0]) + words(figures[1]))
    assert any("$x_{1$" in text for text in words(figures[0]))


def test_the_settings_of_the_user_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    params, results = CASES["one"]
    plots.sensitivity(tmp_path / "a.png", params, results, None, "LunarLander-v3")
    with mpl.rc_context({"font.size": 30.0, "axes.facecolor": "red", "savefig.dpi": 20}):
        plots.sensitivity(tmp_path / "b.png", params, results, None, "LunarLander-v3")
        assert mpl.rcParams["font.size"] == 30.0, "and theirs stay as they were"
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    params, results = CASES["one"]
    with pytest.raises(StorageError):
        plots.sensitivity(tmp_path / "missing" / "x.png", params, results, None, "LunarLander-v3")


def test_without_matplotlib_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    params, results = CASES["one"]
    for refused in (
        plots.require_matplotlib,
        lambda: plots.sensitivity(tmp_path / "x.png", params, results, None, "LunarLander-v3"),
        lambda: plots.learning_curves(tmp_path / "x.png", curves(1)),
    ):
        with pytest.raises(UsageError) as caught:
            refused()
        assert "pip install 'ppo-cli[plots]'" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []
