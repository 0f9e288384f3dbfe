"""``ppo report``: one self-contained HTML page about a run, a sweep, or several groups of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.errors import UsageError

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
    from ppo_cli.cli.reporting.page import check_page_path, say_page
    from ppo_cli.html.require import require_bokeh
    from ppo_cli.storage.files import atomic_write

    if gif and no_gifs:
        raise UsageError("--gif and --no-gifs contradict each other", hint="give one of them")
    require_bokeh()
    from ppo_cli.cli.reporting.subject import Wishes, find_subject, report_on
    from ppo_cli.html.page import render_page

    subject = find_subject(runs_dir, words)
    path = output or (subject.path / _NAME if subject else Path(_NAME))
    check_page_path(path, force=force)
    report = report_on(subject, runs_dir, words, Wishes(title, gif or (), no_gifs))
    page = render_page(report)
    atomic_write(path, page)
    say_page(path, page, report, as_json=json)
