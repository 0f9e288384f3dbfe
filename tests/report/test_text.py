"""Text on its way to a terminal."""

from __future__ import annotations

from ppo_cli.report.text import clean


def test_control_characters_cannot_reach_the_terminal() -> None:
    assert clean("a\x1b[2Jb\u202ec\x9b") == "a\\x1b[2Jb\\u202ec\\x9b"
