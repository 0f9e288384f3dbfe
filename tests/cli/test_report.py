"""``ppo report``: where the page goes, what is refused, and that the page tells how to write it again."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import inside
from helpers.html_pages import error_of, report_on
from helpers.html_runs import write_run, write_seeds, write_sweep
from helpers.modules import forget

LIMIT = 6_000_000


def test_the_command_of_a_page_writes_it_again(runs_dir: Path) -> None:
    write_run(runs_dir / "one-s1")
    page = report_on("one-s1", "--title", "a title", "--no-gifs", cwd=runs_dir.parent)
    assert "ppo report runs/one-s1 --title 'a title' --no-gifs --force" in page.text


def test_a_damaged_log_of_a_stranger_is_refused_by_name(runs_dir: Path) -> None:
    folder = write_run(runs_dir / "lander-s1")
    (folder / "eval.csv").write_text("nonsense\n1\n")
    result = inside("report", "lander-s1", cwd=runs_dir.parent)
    assert result.code == 5 and "eval.csv" in result.stderr
    assert not (folder / "report.html").exists()


def test_the_page_of_one_run_is_well_below_its_limit(runs_dir: Path) -> None:
    write_run(runs_dir / "lander-s1", rows=2000, terms=("distance", "velocity"))
    result = inside("report", "lander-s1", "--json", cwd=runs_dir.parent)
    assert result.code == 0, result.stderr
    assert result.json["bytes"] < LIMIT / 3
    assert result.json["bytes"] == (runs_dir / "lander-s1" / "report.html").stat().st_size


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

    forget(monkeypatch, "bokeh", "jinja2", "ppo_cli.html")
    monkeypatch.setattr(builtins, "__import__", without)
    result = inside("report", "lander-s1", cwd=runs_dir.parent)
    assert "pip install 'ppo-cli[html]'" in error_of(result)
