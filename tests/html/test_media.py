"""GIFs inside a page."""

from __future__ import annotations

from pathlib import Path

from helpers.cli_runner import inside
from helpers.html_pages import error_of, report_on
from helpers.html_runs import write_gif, write_run, write_seeds


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
    assert [picture["alt"] for picture in pictures] == ["Animation: first try", "Animation: second"]


def test_every_group_shows_a_gif_before_one_shows_two(runs_dir: Path) -> None:
    for path in write_seeds(runs_dir, "a", [1.0 * n for n in range(9)]):
        write_gif(path / "render.gif")
    write_gif(write_seeds(runs_dir, "b", (1.0, 2.0))[0] / "render.gif")
    page = report_on("a", "b", cwd=runs_dir.parent)
    assert [picture["alt"].partition(": ")[2] for picture in page.all("img")][:2] == ["a: a-s1", "b: b-s1"]
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
