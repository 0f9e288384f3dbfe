"""Pages of ``ppo report``, read as a browser would see them."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from helpers.cli_runner import Result, inside


class Page(HTMLParser):
    """Elements with their attributes, and the text of each."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self._open[-1:]:
            self.scripts[-1] += data
        elif "style" not in self._open[-1:]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def report_on(*words: str, cwd: Path) -> Page:
    """The page that ``ppo report`` writes."""
    result = inside("report", *words, "--output", "page.html", "--force", cwd=cwd)
    assert result.code == 0, result.stderr
    return Page((cwd / "page.html").read_text(encoding="utf-8"))


def error_of(result: Result) -> str:
    """The message of a refusal, on one line."""
    assert result.code == 2, result.stdout + result.stderr
    return " ".join(result.stderr.split())
