"""What a terminal would show, and how much work it is to draw."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console, RenderableType


def printed(renderable: RenderableType, width: int = 80, **options: Any) -> str:
    """What Rich prints."""
    console = Console(file=io.StringIO(), width=width, **options)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def calls_of(work: Callable[[], object]) -> int:
    """How many functions are called, a measure of work that is the same on a slow or busy machine.

    The work is done once before, because what is imported or kept for later counts for nothing.
    """
    work()
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls
