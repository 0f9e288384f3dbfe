"""The page of ``ppo report``: what is on it, what is escaped, what stays small, and what is refused."""

from __future__ import annotations

import builtins
import html
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import Result, environment, inside
from helpers.html_runs import HOSTILE, write_gif, write_run, write_seeds, write_sweep

from ppo_cli.compare.groups import find_groups
from ppo_cli.html.bokeh_parts import chart_item, new_figure
from ppo_cli.html.content import Card, Cell, Column, Command, Picture, Report, Table
from ppo_cli.html.curves import EVALUATION, MOST_GROUPS, Series, curves_data
from ppo_cli.html.page import render_page
from ppo_cli.html.story import groups_report
from ppo_cli.runs.run_dir import RunDir

LIMIT = 6_000_000


class Page(HTMLParser):
    """A page as a browser would see it: elements with their attributes, and the text of each."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self._open[-1:]:
            self.scripts[-1] += data
        elif "style" not in self._open[-1:]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def report_on(*words: str, cwd: Path) -> Page:
    result = inside("report", *words, "--output", "page.html", "--force", cwd=cwd)
    assert result.code == 0, result.stderr
    return Page((cwd / "page.html").read_text(encoding="utf-8"))


def error_of(result: Result) -> str:
    assert result.code == 2, result.stdout + result.stderr
    return " ".join(result.stderr.split())


# --- what is on the page


def test_a_run_is_told_by_its_numbers_curves_settings_and_commands(runs_dir: Path) -> None:
    write_run(runs_dir / "lander-s1", final=231.5, terms=("distance",), eps_clip=0.3)
    page = report_on("lander-s1", cwd=runs_dir.parent)
    assert "231.5 95 % interval 227.5 to 235.5 over 100 episodes of one seed" in page.text
    assert "18 November 2026" in page.text
    differing = page.text.partition("Settings that differ from their default")[2].partition("All ")[0]
    assert "learning.eps_clip 0.3 0.2" in differing, "what differs from the default, beside it"
    assert "learning.gamma" not in differing
    assert "ppo train --env LunarLander-v3" in page.text
    assert "ppo train --config runs/lander-s1/config.yaml" in page.text
    assert "torch 2.13.0" in page.text
    metrics = [metric["name"] for metric in page.data["curves"]["metrics"]]
    assert metrics[0] == EVALUATION
    assert {"rollout/episode_return", "train/entropy", "reward/distance"} <= set(metrics)
    assert "train/std" not in metrics, "what was never logged cannot be chosen"
    assert [item["target_id"] for item in page.data["charts"]] == ["curves", "terms"]


def test_the_settings_of_a_page_are_those_that_some_algorithm_on_it_uses(runs_dir: Path) -> None:
    write_run(runs_dir / "kl-s1", algorithm="ppo-kl", kl_target=0.03)
    text = report_on("kl-s1", cwd=runs_dir.parent).text.partition("Settings that differ")[2]
    assert "learning.kl_target 0.03 0.01" in text and "learning.vf_coef" in text
    assert "learning.eps_clip " not in text and "learning.group_size" not in text
    write_run(runs_dir / "clip-s1")
    text = report_on("kl-s1", "clip-s1", cwd=runs_dir.parent).text
    assert "learning.eps_clip " in text and "learning.group_size" not in text


def test_groups_are_compared_over_seeds_with_what_differs_between_them(runs_dir: Path) -> None:
    write_seeds(runs_dir, "plain", (200.0, 210.0, 205.0, 207.0))
    write_seeds(runs_dir, "wide", (120.0, 130.0, 126.0, 121.0), eps_clip=0.4)
    page = report_on("plain", "wide", cwd=runs_dir.parent)
    assert "plain is better than wide" in page.text
    assert "over 4 seeds" in page.text
    assert "Settings that differ between the groups" in page.text
    assert re.search(r"learning\.eps_clip 0\.2 0\.4 ", page.text)
    assert [one["name"] for one in page.data["curves"]["series"]] == ["plain", "wide"]
    assert len(page.data["curves"]["series"][0]["curves"][0]["seeds"]) == 4
    assert "ppo compare plain wide" in page.text


def test_a_sweep_has_its_sentence_held_out_figures_and_a_chart_of_its_setting(runs_dir: Path) -> None:
    write_sweep(runs_dir, "eps_clip=0.1,0.2,0.3")
    page = report_on("study", cwd=runs_dir.parent)
    assert "Compared with the default eps_clip=0.2" in page.text
    assert "on 2 held-out seeds" in page.text
    assert [item["target_id"] for item in page.data["charts"]] == ["sensitivity-1", "curves"]
    assert "Return against eps_clip" in page.text
    chart = json.dumps(page.data["charts"][0])
    assert all(f'"eps_clip = {value}"' in chart for value in (0.1, 0.2, 0.3))
    assert "ppo sweep runs/study/sweep.yaml" in page.text
    assert "eps_clip = 0.2 (default)" in page.text


def test_two_settings_on_a_grid_get_a_heat_map_and_a_chart_each(
    runs_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_sweep(runs_dir, "eps_clip=0.1,0.2", "gamma=0.9,0.99", seeds=2)
    page = report_on("study", cwd=runs_dir.parent)
    assert caplog.messages == [], "Bokeh finds nothing wrong with the charts"
    targets = [item["target_id"] for item in page.data["charts"]]
    assert targets == ["sensitivity-0", "sensitivity-1", "sensitivity-2", "curves"]


def test_a_point_that_failed_is_shown_as_failed_with_its_reason(runs_dir: Path) -> None:
    folder = write_sweep(runs_dir, "eps_clip=0.1,0.2", seeds=2)
    summary = json.loads((folder / "eps_clip=0.1-s1" / "summary.json").read_text())
    summary |= {"status": "diverged", "reason": "the loss is NaN", "eval": None}
    (folder / "eps_clip=0.1-s1" / "summary.json").write_text(json.dumps(summary))
    page = report_on("study", cwd=runs_dir.parent)
    assert "diverged: the loss is NaN" in page.text
    assert "3 completed, 1 diverged" in page.text


def test_a_curve_is_drawn_from_the_runs_that_count(runs_dir: Path) -> None:
    write_seeds(runs_dir, "group", (200.0, 210.0, 220.0))
    write_run(runs_dir / "group-s4", seed=4, status="diverged", reason="the loss is NaN")
    _, (series,) = groups_report(find_groups(runs_dir, ["group"]), [], [])
    assert series.seeds == (1, 2, 3)


def test_runs_of_which_none_counts_are_drawn_all(runs_dir: Path) -> None:
    write_run(runs_dir / "group-s1", seed=1, status="interrupted")
    write_run(runs_dir / "group-s2", seed=2, status="diverged", reason="the loss is NaN")
    report, (series,) = groups_report(find_groups(runs_dir, ["group"]), [], [])
    assert series.seeds == (1, 2)
    assert "group-s2: diverged: the loss is NaN" in report.verdict


def test_a_group_is_trained_again_with_its_own_seeds(runs_dir: Path) -> None:
    write_seeds(runs_dir, "row", (200.0, 210.0, 220.0))
    write_run(runs_dir / "gap-s1", seed=1)
    write_run(runs_dir / "gap-s3", seed=3)
    report, _ = groups_report(find_groups(runs_dir, ["row", "gap"]), [], [])
    trained = [one.text.partition("--config ")[2] for one in report.commands if "train" in one.about]
    assert trained == [
        f"{runs_dir / 'row-s1' / 'config.yaml'} --seed 1 --seeds 3",
        f"{runs_dir / 'gap-s1' / 'config.yaml'}",
        f"{runs_dir / 'gap-s3' / 'config.yaml'}",
    ]


def test_the_command_of_a_page_writes_it_again(runs_dir: Path) -> None:
    write_run(runs_dir / "one-s1")
    page = report_on("one-s1", "--title", "a title", "--no-gifs", cwd=runs_dir.parent)
    assert "ppo report runs/one-s1 --title 'a title' --no-gifs --force" in page.text


def test_a_run_that_has_not_finished_is_reported_as_far_as_it_is(runs_dir: Path) -> None:
    write_run(runs_dir / "stopped-s1", status="interrupted")
    page = report_on("stopped-s1", cwd=runs_dir.parent)
    assert "no final evaluation" in page.text
    assert "interrupted" in page.text
    assert page.data["curves"]["series"][0]["curves"][0]


def test_a_run_without_any_log_still_has_a_page(runs_dir: Path) -> None:
    folder = write_run(runs_dir / "fresh-s1", status="interrupted")
    for name in ("metrics.csv", "eval.csv", "monitor.csv"):
        (folder / name).unlink()
    page = report_on("fresh-s1", cwd=runs_dir.parent)
    assert page.data == {"curves": None, "charts": []}
    assert len(page.scripts) == 2, "without charts there is no Bokeh on the page"


def test_the_curves_are_means_over_seeds_on_one_grid_of_steps(tmp_path: Path) -> None:
    runs = write_seeds(tmp_path, "lander", (100.0, 200.0))
    data, _ = curves_data([Series("lander", tuple(map(RunDir, runs)), (1, 2))])
    assert data is not None
    curve = data["series"][0]["curves"][0]
    assert data["steps"][0] == 1000 and data["steps"][-1] == 12_000
    assert curve["mean"][0] is None, "the first evaluation comes at 2000 steps"
    first, second = (seed[-1] for seed in curve["seeds"])
    assert curve["mean"][-1] == pytest.approx((first + second) / 2, rel=1e-4)
    assert curve["low"][-1] < min(first, second) < max(first, second) < curve["high"][-1]


def test_where_a_seed_has_ended_there_is_no_band(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / f"a-s{seed}", seed=seed, rows=12) for seed in (1, 2)]
    runs.append(write_run(tmp_path / "a-s3", seed=3, rows=6))
    data, _ = curves_data([Series("a", tuple(map(RunDir, runs)), (1, 2, 3))])
    assert data is not None
    curve = data["series"][0]["curves"][0]
    half = len(data["steps"]) // 2
    assert curve["low"][half - 20] is not None
    assert curve["low"][-1] is None and curve["high"][-1] is None
    assert curve["mean"][-1] is not None


# --- safety


def hostile_report(text: str) -> Report:
    """A report in which every text is hostile."""
    cells = (Cell(text), Cell(text, 1.0, "bad"))
    table = Table(text, (Column(text), Column(text, True)), (cells, cells), text)
    curves = {
        "steps": [1, 2],
        "metrics": [
            {"name": text, "meaning": text, "isTerm": False, "isReturn": True},
            {"name": f"reward/{text}", "meaning": text, "isTerm": True, "isReturn": False},
        ],
        "series": [{"name": text, "seeds": [1], "curves": [{"mean": [1, 2]}, {"mean": [1, 2]}]}],
    }
    return Report(
        title=text, about=(text,), verdict=text, cards=(Card(text, text, text),), results=(table,),
        curves=curves, curves_notes=(text,), pictures=(Picture(text, "data:image/gif;base64,"),),
        pictures_note=text, settings=(table,), commands=(Command(text, text),), versions=(table,),
        warnings=(text,),
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_user_becomes_markup_anywhere(text: str) -> None:
    plain, page = (Page(render_page(hostile_report(one)).decode()) for one in ("harmless", text))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert [set(one) for _, one in page.elements] == [set(one) for _, one in plain.elements], (
        "no new attribute"
    )
    assert len(page.scripts) == len(plain.scripts) and page.scripts[1:] == plain.scripts[1:]
    assert " ".join(text.split()) in page.text
    assert page.data["curves"]["series"][0]["name"] == text, "inside JSON too it is what it was"


def test_hostile_names_of_settings_reasons_and_commands_are_text(runs_dir: Path) -> None:
    text = HOSTILE[0]
    write_run(runs_dir / "a-s1", command=text, env_kwargs={"note": HOSTILE[2]})
    write_run(runs_dir / "a-s2", seed=2, status="diverged", reason=text, env_kwargs={"note": HOSTILE[2]})
    page = report_on("a", "--title", HOSTILE[1], cwd=runs_dir.parent)
    assert page.text.count(text) >= 2
    assert HOSTILE[2] in page.text and HOSTILE[1] in page.text
    assert not [one for _, one in page.elements if any(name.startswith("on") for name in one)]
    assert len(page.scripts) == 3
    assert all(one.get("src") != "x" for one in page.all("img"))


def test_a_swept_text_is_a_plain_text_in_the_chart_and_no_formula(runs_dir: Path) -> None:
    write_sweep(runs_dir, "env_kwargs.note=$$x$$,plain", seeds=2, confirm=0)
    page = report_on("study", cwd=runs_dir.parent)
    (axis,) = [one["attributes"] for one in page.data["charts"][0]["doc"]["roots"][0]["attributes"]["below"]]
    labels = json.dumps(axis["major_label_overrides"])
    assert "$$x$$" in labels and labels.count('"PlainText"') == 2


def test_control_characters_are_visible_and_cannot_turn_text_around() -> None:
    page = Page(render_page(hostile_report("run\u202egnp.exe\x1b[2J")).decode())
    assert "\u202e" not in page.text and "\x1b" not in page.text
    assert "run\\u202egnp.exe\\x1b[2J" in page.text
    assert "\u202e" not in json.dumps(page.data, ensure_ascii=False)


def test_the_page_forbids_itself_the_network_and_every_script_but_its_own(runs_dir: Path) -> None:
    write_run(runs_dir / "lander-s1")
    page = report_on("lander-s1", cwd=runs_dir.parent)
    (policy,) = [one["content"] for one in page.all("meta") if "http-equiv" in one]
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy and "'unsafe-inline'" not in policy.partition("style-src")[0]
    assert policy.count("'sha256-") == len(page.scripts) - 1, "all scripts but the data"
    links = [one for _, one in page.elements if set(one) & {"src", "href", "srcset", "action"}]
    assert all(one.get("src", "").startswith("data:") for one in links)


def test_a_damaged_log_of_a_stranger_is_refused_by_name(runs_dir: Path) -> None:
    folder = write_run(runs_dir / "lander-s1")
    (folder / "eval.csv").write_text("nonsense\n1\n")
    result = inside("report", "lander-s1", cwd=runs_dir.parent)
    assert result.code == 5 and "eval.csv" in result.stderr
    assert not (folder / "report.html").exists()


# --- size, and equal bytes


def test_the_same_runs_give_the_same_bytes_in_another_process(runs_dir: Path) -> None:
    write_sweep(runs_dir, "eps_clip=0.1,0.2")
    first = inside("report", "study", "--output", "a.html", cwd=runs_dir.parent)
    assert first.code == 0, first.stderr
    again = [sys.executable, "-m", "ppo_cli", "report", "study", "--output", "b.html"]
    subprocess.run(again, cwd=runs_dir.parent, env=environment(PYTHONHASHSEED="7"), check=True, timeout=60)
    one, other = ((runs_dir.parent / name).read_bytes() for name in ("a.html", "b.html"))
    assert one == other


def test_equal_charts_have_equal_documents_however_many_came_before() -> None:
    items = [json.dumps(chart_item(new_figure(x_label="x", y_label="y"), "here")) for _ in range(2)]
    assert items[0] == items[1]
    assert not re.search(r'"p\d{4}"', items[0]), "no id of Bokeh's counter is left"


def test_the_page_of_one_run_is_well_below_its_limit(runs_dir: Path) -> None:
    write_run(runs_dir / "lander-s1", rows=2000, terms=("distance", "velocity"))
    result = inside("report", "lander-s1", "--json", cwd=runs_dir.parent)
    assert result.code == 0, result.stderr
    assert result.json["bytes"] < LIMIT / 3
    assert result.json["bytes"] == (runs_dir / "lander-s1" / "report.html").stat().st_size


def test_of_many_groups_the_first_are_drawn_with_fewer_steps_and_that_is_said(tmp_path: Path) -> None:
    series = []
    for index in range(MOST_GROUPS + 5):
        runs = write_seeds(tmp_path / str(index), "a", (100.0, 101.0), terms=[f"t{n}" for n in range(40)])
        series.append(Series(f"group {index}", tuple(map(RunDir, runs)), (1, 2)))
    data, notes = curves_data(series)
    assert data is not None and len(data["series"]) == MOST_GROUPS
    assert f"Drawn are {MOST_GROUPS} of {MOST_GROUPS + 5} groups" in notes[0]
    assert f"thinned to {len(data['steps'])} steps" in notes[1]
    assert len(json.dumps(data, separators=(",", ":"))) < LIMIT / 2


def test_tables_of_thousands_of_runs_are_cut_and_say_so(
    monkeypatch: pytest.MonkeyPatch, runs_dir: Path
) -> None:
    monkeypatch.setattr("ppo_cli.html.sweep_story._MOST_RUNS", 4)
    monkeypatch.setattr("ppo_cli.html.sweep_story._MOST_POINTS", 2)
    write_sweep(runs_dir, "eps_clip=0.1,0.2,0.3", confirm=0)
    page = report_on("study", cwd=runs_dir.parent)
    assert "The best 2 of 3 points; results.csv has all." in page.text
    assert "The first 4 of 9 runs; results.csv has all." in page.text


# --- GIFs


def test_gifs_of_the_run_folders_are_inside_the_page(runs_dir: Path) -> None:
    folder = write_run(runs_dir / "lander-s1")
    write_gif(folder / "render.gif")
    (picture,) = report_on("lander-s1", cwd=runs_dir.parent).all("img")
    assert picture["src"].startswith("data:image/gif;base64,R0lGOD")
    assert "lander-s1" in picture["alt"]
    assert report_on("lander-s1", "--no-gifs", cwd=runs_dir.parent).all("img") == []


def test_given_gifs_take_the_place_of_those_in_the_folders(runs_dir: Path) -> None:
    folder = write_run(runs_dir / "lander-s1")
    write_gif(folder / "render.gif")
    write_gif(runs_dir / "first try.gif", "red")
    write_gif(runs_dir / "second.gif", "green")
    gifs = ("--gif", "runs/first try.gif", "--gif", "runs/second.gif")
    pictures = report_on("lander-s1", *gifs, cwd=runs_dir.parent).all("img")
    assert [one["alt"] for one in pictures] == ["Animation: first try", "Animation: second"]


def test_every_group_shows_a_gif_before_one_shows_two(runs_dir: Path) -> None:
    for path in write_seeds(runs_dir, "a", [1.0 * n for n in range(9)]):
        write_gif(path / "render.gif")
    write_gif(write_seeds(runs_dir, "b", (1.0, 2.0))[0] / "render.gif")
    page = report_on("a", "b", cwd=runs_dir.parent)
    assert [one["alt"].partition(": ")[2] for one in page.all("img")][:2] == ["a: a-s1", "b: b-s1"]
    assert "2 more GIFs in the run folders." in page.text


def test_a_gif_that_is_none_is_refused_before_anything_is_written(runs_dir: Path) -> None:
    folder = write_run(runs_dir / "lander-s1")
    (runs_dir / "film.gif").write_bytes(b"<svg/>")
    result = inside("report", "lander-s1", "--gif", "runs/film.gif", cwd=runs_dir.parent)
    assert "film.gif is no GIF" in error_of(result)
    result = inside("report", "lander-s1", "--gif", "runs/none.gif", cwd=runs_dir.parent)
    assert "runs/none.gif does not exist" in error_of(result)
    assert not (folder / "report.html").exists()


def test_what_is_no_gif_in_a_run_folder_is_passed_over(runs_dir: Path) -> None:
    folder = write_run(runs_dir / "lander-s1")
    (folder / "render.gif").write_bytes(b"<svg/>")
    assert report_on("lander-s1", cwd=runs_dir.parent).all("img") == []


# --- the command


def test_the_page_of_a_run_or_sweep_goes_into_its_folder_and_others_here(runs_dir: Path) -> None:
    write_seeds(runs_dir, "plain", (200.0, 210.0))
    write_sweep(runs_dir, "eps_clip=0.1,0.2")
    for words, path in (("plain-s1", "runs/plain-s1"), ("study", "runs/study"), ("plain", ".")):
        result = inside("report", words, "--json", cwd=runs_dir.parent)
        assert result.code == 0, result.stderr
        assert Path(result.json["path"]) == Path(path) / "report.html"
        assert (runs_dir.parent / path / "report.html").is_file()


def test_a_page_is_not_overwritten_without_force(runs_dir: Path) -> None:
    folder = write_run(runs_dir / "lander-s1")
    (folder / "report.html").write_text("mine")
    assert "report.html exists already" in error_of(inside("report", "lander-s1", cwd=runs_dir.parent))
    assert (folder / "report.html").read_text() == "mine"
    assert inside("report", "lander-s1", "--force", cwd=runs_dir.parent).code == 0
    assert (folder / "report.html").read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("lunar",), "no run, sweep or series of seeds 'lunar'"),
        (("lander-s1", "--output", "page.pdf"), "let its name end in .html"),
        (("lander-s1", "--output", "nowhere/page.html"), "there is no folder nowhere"),
        (("lander-s1", "--output", "folder.html"), "exists and is not a file"),
        (("lander-s1", "--gif", "a.gif", "--no-gifs"), "--gif and --no-gifs contradict each other"),
        (("lander-s1", "lander-s1"), "given twice"),
        (("empty",), "has no runs yet"),
    ],
)
def test_wrong_input_is_refused_and_leaves_nothing(
    words: tuple[str, ...], message: str, runs_dir: Path
) -> None:
    write_run(runs_dir / "lander-s1")
    (runs_dir.parent / "folder.html").mkdir()
    spec = write_sweep(runs_dir / "other", "eps_clip=0.1,0.2", seeds=1, confirm=0) / "sweep.yaml"
    (runs_dir / "empty").mkdir()
    (runs_dir / "empty" / "sweep.yaml").write_text(spec.read_text())
    before = sorted(runs_dir.parent.rglob("*"))
    assert message in error_of(inside("report", *words, cwd=runs_dir.parent))
    assert sorted(runs_dir.parent.rglob("*")) == before


def test_without_bokeh_the_command_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, runs_dir: Path
) -> None:
    write_run(runs_dir / "lander-s1")
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in ("bokeh", "jinja2", "markupsafe"):
            raise ImportError(name)
        return real(name, *rest)

    loaded = [name for name in sys.modules if name.startswith(("bokeh", "jinja2", "ppo_cli.html"))]
    for name in loaded:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    result = inside("report", "lander-s1", cwd=runs_dir.parent)
    assert "pip install 'ppo-cli[html]'" in error_of(result)


def test_the_command_loads_no_torch(runs_dir: Path) -> None:
    write_run(runs_dir / "lander-s1")
    code = (
        "import sys; from ppo_cli.cli import app; from ppo_cli.cli.terminal.errors import run;"
        "code = run(app, ['report', 'lander-s1']); assert 'torch' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=runs_dir.parent, env=environment(), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_what_the_page_is_made_of_is_part_of_the_package() -> None:
    files = {one.name for one in resources.files("ppo_cli.html").iterdir()}
    assert {"page.html.j2", "page.js", "style.css"} <= files


def test_quotes_in_attributes_are_escaped() -> None:
    page = render_page(hostile_report('"><b>')).decode()
    assert html.escape('"><b>') in page or "&#34;&gt;&lt;b&gt;" in page
    assert '"><b>' not in page.replace(page[page.index('id="data"') :], "")
