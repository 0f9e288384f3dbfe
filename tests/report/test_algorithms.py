"""The algorithms, explained on a terminal."""

from __future__ import annotations

import io
from typing import Any

from rich.cells import cell_len
from rich.console import Console, RenderableType

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.describe import describe_algorithm
from ppo_cli.report.algorithms import algorithms_text
from ppo_cli.report.dashboard import dashboard
from ppo_cli.report.tracker import Tracker


def printed(renderable: RenderableType, width: int = 80, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=width, **options)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def shown(tracker: Tracker, width: int = 80, height: int = 24, **options: Any) -> str:
    return printed(dashboard(tracker, "title", width=width, height=height, **options), width)


def test_the_algorithms_are_readable_in_80_columns() -> None:
    documents = [describe_algorithm(name) for name in ALGORITHMS]
    out = io.StringIO()
    Console(file=out, width=80).print(algorithms_text(documents))
    lines = out.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= 80
    shown = " ".join(out.getvalue().split())
    for document in documents:
        assert f"{document['name']}: {document['summary']}" in shown
        assert document["formula"] in shown and document["paper"] in shown
        assert all(
            any(line.startswith(f"  {own['name']} ") for line in lines) for own in document["settings"]
        )
    assert shown.count("whole episodes: num_steps is at least") == 2
