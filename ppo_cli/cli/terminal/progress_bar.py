"""How far a work of some seconds is, for commands that train nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import typer

from ppo_cli.cli.terminal.signals import stop_signals


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on stderr, if that is a terminal; it is called with what is done, how much, and of how much.

    A signal ends the work at the next call, so that what was begun is cleared away.

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

        def advance(what: str, done: int, of: int) -> None:
            if stop():
                console.print("stopped; nothing was written", style="yellow")
                raise typer.Exit(stop.exit_code)
            bar.update(task, description=what, completed=done, total=of)

        yield advance
