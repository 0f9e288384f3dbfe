"""What ``ppo render`` says: how far it is, and what it wrote."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from ppo_cli.cli.terminal.output import print_json
from ppo_cli.cli.terminal.signals import stop_signals

if TYPE_CHECKING:
    from ppo_cli.cli.render_target import Target
    from ppo_cli.film.output import Written
    from ppo_cli.render.camera import Shown


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr, if that is a terminal: tell it what is done, how much of it, and of how much.

    A signal ends the work at the next telling, so that what was begun is cleared away.

    Raises:
        typer.Exit: A signal asked for a stop.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from ppo_cli.report.console import stderr_console

    console = stderr_console()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with (
        stop_signals() as stop,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task("starting")

        def told(what: str, done: int, of: int) -> None:
            if stop():
                console.print("stopped; nothing was written", style="yellow")
                raise typer.Exit(stop.exit_code)
            bar.update(task, description=what, completed=done, total=of)

        yield told


def report(target: Target, written: Written, shown: Sequence[Shown], pace: float, *, json: bool) -> None:
    """Print what was written, and what it shows.

    Args:
        target: The film.
        written: Its size.
        shown: The episodes.
        pace: Pictures per second.
        json: Whether to print a JSON document.
    """
    if json:
        print_json(_document(target, written, shown, pace))
        return
    from ppo_cli.report.console import stdout_console
    from ppo_cli.report.numbers import count, number, size
    from ppo_cli.report.tables import evaluation_table

    rows: list[tuple[str, object]] = [("environment", shown[0].panel.scene.env_id)]
    for one in shown:
        played = f"return {number(one.episode.episode_return)}, {count(one.episode.length)} steps"
        rows.append((one.panel.label or "episode", played))
    time = f"{number(written.seconds, 3)} s" if written.seconds is not None else f"{number(pace)} a second"
    rows += [
        ("folder" if target.kind == "png" else "file", str(target.path)),
        ("size", f"{size(written.num_bytes)}, {count(written.frames)} frames, {time}"),
    ]
    stdout_console().print(evaluation_table(rows))


def _document(target: Target, written: Written, shown: Sequence[Shown], pace: float) -> dict[str, Any]:
    runs = {one.panel.about.get("run_dir") for one in shown}
    return {
        "run_dir": runs.pop() if len(runs) == 1 else None,
        "env_id": shown[0].panel.scene.env_id,
        "path": str(target.path),
        "format": target.kind,
        "episodes": [_episode(one) for one in shown],
        "frames": written.frames,
        "frames_per_second": pace,
        "seconds": written.seconds,
        "bytes": written.num_bytes,
    }


def _episode(shown: Shown) -> dict[str, Any]:
    episode = shown.episode
    label = {"label": shown.panel.label} if shown.panel.label else {}
    facts = {"return": episode.episode_return, "length": episode.length, "seed": episode.seed}
    return {**label, **shown.panel.about, **facts}
