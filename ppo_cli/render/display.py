"""Drawing on a machine without a display."""

from __future__ import annotations

import os


def without_display() -> None:
    """Tell pygame, before it is imported, that there is no display, and that nobody wants its greeting."""
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
