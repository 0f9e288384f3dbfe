"""The walk through the kernels shows lines that are there, and names that are there."""

from __future__ import annotations

import re

import pytest
from helpers.import_graph import REPOSITORY

from ppo_cli.kernels.targets import SOURCES

PAGE = (REPOSITORY / "docs" / "kernels.md").read_text(encoding="utf-8")
C_FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.[ch]"))}
C_TEXT = "\n".join(C_FILES.values())
PYTHON = "\n".join(
    path.read_text(encoding="utf-8")
    for room in ("kernels", "nn", "learn", "config")
    for path in (REPOSITORY / "ppo_cli" / room).rglob("*.py")
)
SHOWN = re.findall(r"(?s)```c\n(.*?)```", PAGE)
NAMED = sorted(set(re.findall(r"`([^`\n]+)`", re.sub(r"(?s)```.*?```", "", PAGE))))


@pytest.mark.parametrize("lines", SHOWN)
def test_what_is_shown_of_the_sources_is_in_them(lines: str) -> None:
    assert lines in C_TEXT


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_is_there(name: str) -> None:
    if name.endswith((".c", ".h")):
        assert name in C_FILES
    elif "/" in name:
        assert (REPOSITORY / name).exists()
    elif re.fullmatch(r"\w+", name):
        assert re.search(rf"\b{name}\b", C_TEXT + PYTHON)


def test_every_source_is_on_the_page_or_supports_one_that_is() -> None:
    assert {name for name in C_FILES if f"`{name}`" not in PAGE} == {
        "cpu.c", "environment.h", "export.h", "matmul.h", "environments.c"
    }  # fmt: skip
