"""Where the page of ``ppo report`` goes, and what is said when it is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ppo_cli.cli.terminal.output import print_json
from ppo_cli.errors import UsageError
from ppo_cli.storage.output_path import check_new_file

if TYPE_CHECKING:
    from ppo_cli.html.content import Report


def check_page_path(path: Path, *, force: bool) -> None:
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


def say_page(path: Path, page: bytes, report: Report, *, as_json: bool) -> None:
    """Print what was written and what it is about.

    Args:
        path: The page.
        page: Its bytes.
        report: What it says.
        as_json: Whether to print a JSON document.
    """
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
