"""``ppo report``: one self-contained HTML page about a run, a sweep, or several groups of runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json
from ppo_cli.errors import UsageError
from ppo_cli.storage.output_path import check_new_file

if TYPE_CHECKING:
    from ppo_cli.html.content import Report
    from ppo_cli.html.curves import Series
    from ppo_cli.runs.run_dir import RunDir
    from ppo_cli.sweep.results.sweep_dir import SweepDir

_NAME = "report.html"

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN|SWEEP|RUNS...",
        help="A run, a sweep, or groups of runs as `ppo compare` takes them.",
        autocompletion=options.complete_run,
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="The page (default: report.html in the folder of the one run or sweep, otherwise here).",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
Title = Annotated[
    str | None, typer.Option("--title", metavar="TEXT", help="The heading (default: the name).")
]
Gifs = Annotated[
    list[Path] | None,
    typer.Option(
        "--gif",
        metavar="FILE",
        help="Show this GIF instead of the render.gif of the runs; repeatable.",
        show_default=False,
    ),
]
NoGifs = Annotated[bool, typer.Option("--no-gifs", help="Show no GIF: a smaller page.")]


def report_command(
    words: Words,
    output: Output = None,
    force: Force = False,
    title: Title = None,
    gif: Gifs = None,
    no_gifs: NoGifs = False,
    runs_dir: options.RunsDir = DEFAULT_RUNS_DIR,
    json: options.Json = False,
) -> None:
    r"""Write an HTML page about a run, a sweep or several groups of runs: one file, which needs no network.

    It holds the headline numbers, a verdict in words, interactive learning curves of every logged metric, the
    tables, the GIFs, the settings, and the commands that repeat it.

    \b
    Examples:
      ppo report latest
      ppo report LunarLander-v3-eps_clip --output study.html
      ppo report plain=LunarLander-v3-ppo-clip shaped='shaped-s*' --title "Does shaping help?"
    """
    from ppo_cli.html.require import require_bokeh
    from ppo_cli.storage.files import atomic_write

    if gif and no_gifs:
        raise UsageError("--gif and --no-gifs contradict each other", hint="give one of them")
    require_bokeh()
    found = _one(runs_dir, words)
    path = output or (found.path / _NAME if found else Path(_NAME))
    check_output(path, force=force)

    from ppo_cli.html.media import given_pictures
    from ppo_cli.html.page import render_page

    pictures = given_pictures(gif or ())
    shown = [word for path in gif or () for word in ("--gif", str(path))] + ["--no-gifs"] * no_gifs
    titled = ["--title", title] if title is not None else []
    report, series = _tell(found, runs_dir, words, [*titled, *shown, "--force"])
    if title is not None:
        report = dataclasses.replace(report, title=title)
    if pictures:
        report = dataclasses.replace(report, pictures=pictures)
    elif not no_gifs:
        report = _with_rendered(report, series)
    page = render_page(report)
    atomic_write(path, page)
    _say(path, page, report, as_json=json)


def check_output(path: Path, *, force: bool) -> None:
    """Refuse a page that cannot be written, before anything is read for it.

    Args:
        path: The page to be.
        force: Whether a file that is there may be replaced.

    Raises:
        UsageError: It exists, is no file, does not end in ``.html``, or its folder does not exist.
        StorageError: Its folder cannot be written.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(
            f"{path}: what is written is a page", hint="let its name end in .html", key="--output", file=path
        )
    check_new_file(path, force=force)


def _one(runs_dir: Path, words: list[str]) -> RunDir | SweepDir | None:
    """The one run or sweep that is meant; None for groups of runs."""
    from ppo_cli.cli.sweeps import find_run_or_sweep

    if len(words) != 1:
        return None
    try:
        return find_run_or_sweep(runs_dir, words[0])
    except UsageError:
        return None  # a series of seeds, a glob, or nothing at all: find_groups says which


def _tell(
    found: RunDir | SweepDir | None, runs_dir: Path, words: list[str], more: list[str]
) -> tuple[Report, tuple[Series, ...]]:
    """What the page says, and the groups whose curves it draws.

    The command that it gives for itself names no ``--output``: the same runs give the same bytes anywhere.
    """
    from ppo_cli.compare.groups import Group, find_groups
    from ppo_cli.html.story import groups_report
    from ppo_cli.html.sweep_story import sweep_report
    from ppo_cli.runs.run_dir import RunDir
    from ppo_cli.sweep.results.sweep_dir import SweepDir

    if isinstance(found, SweepDir):
        return sweep_report(found, ["report", str(found.path), *more])
    if isinstance(found, RunDir):
        return groups_report([Group(found.name, (found,))], [], ["report", str(found.path), *more])
    again = words if runs_dir == DEFAULT_RUNS_DIR else [*words, "--runs-dir", str(runs_dir)]
    return groups_report(find_groups(runs_dir, words), again, ["report", *again, *more])


def _with_rendered(report: Report, series: tuple[Series, ...]) -> Report:
    """With the GIFs that lie in the run folders."""
    from ppo_cli.html.media import rendered_pictures

    pictures, note = rendered_pictures(series)
    return dataclasses.replace(report, pictures=pictures, pictures_note=note)


def _say(path: Path, page: bytes, report: Report, *, as_json: bool) -> None:
    from ppo_cli.report.console import stderr_console, stdout_console
    from ppo_cli.report.numbers import size
    from ppo_cli.report.tables import evaluation_table
    from ppo_cli.report.text import clean

    if as_json:
        print_json(
            {
                "path": str(path),
                "bytes": len(page),
                "title": report.title,
                "verdict": report.verdict,
                "gifs": len(report.pictures),
                "warnings": list(report.warnings),
            }
        )
        return
    for warning in report.warnings:
        stderr_console().print(clean(warning), style="yellow", soft_wrap=True)
    rows: list[tuple[str, object]] = [
        ("about", report.title),
        ("file", str(path)),
        ("size", size(len(page))),
    ]
    if report.pictures:
        rows.append(("GIFs", len(report.pictures)))
    stdout_console().print(evaluation_table(rows))
