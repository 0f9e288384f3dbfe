"""The documentation as data: headings, links, blocks of code and tables of every page."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        language: What stands behind the opening fence; empty for an indented block.
        text: The code.
    """

    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines that begin with ``ppo``, each continued to its end."""
        if self.language not in ("", "sh"):
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.strip() for line in lines if line.lstrip().startswith("ppo ")]

    @property
    def file_name(self) -> str | None:
        """The file that a block is, when its first line is a comment that names one."""
        named = re.match(r"# (\w+\.(?:py|yaml))\n", self.text)
        return named[1] if named else None


@dataclass(frozen=True)
class Page:
    """A page of the documentation.

    Attributes:
        path: Its file.
    """

    path: Path

    @property
    def name(self) -> str:
        """Its path from the root of the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        tokens = (token for token in self._tokens if token.type in ("fence", "code_block"))
        return [Block(token.info, token.content) for token in tokens]

    @cached_property
    def inline_code(self) -> list[str]:
        return [token.content for token in self._inline if token.type == "code_inline"]

    @cached_property
    def links(self) -> list[str]:
        """What its links and pictures lead to."""
        ends = {"link_open": "href", "image": "src"}
        return [str(token.attrs[ends[token.type]]) for token in self._inline if token.type in ends]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link can name behind ``#``: each heading in small letters, without punctuation."""
        found: Counter[str] = Counter()
        names = set()
        for token, inside in zip(self._tokens, self._tokens[1:], strict=False):
            if token.type == "heading_open":
                slug = re.sub(r"[^\w\- ]", "", plain_text(inside).lower()).replace(" ", "-")
                names.add(slug if not found[slug] else f"{slug}-{found[slug]}")
                found[slug] += 1
        return names

    @cached_property
    def tables(self) -> list[list[list[str]]]:
        """Its tables: rows of cells as they are written; the second row says how columns are aligned."""
        found: list[list[list[str]]] = []
        outside = re.sub(r"(?ms)^```.*?^```$", "", self.text)
        for group in re.findall(r"(?m)(?:^\|.*\|$\n?)+", outside):
            rows = (re.split(r"(?<!\\)\|", line)[1:-1] for line in group.splitlines())
            found.append([[cell.strip() for cell in row] for row in rows])
        return found

    @cached_property
    def _tokens(self) -> list[Token]:
        return MarkdownIt("commonmark").enable("table").parse(self.text)

    @property
    def _inline(self) -> Iterator[Token]:
        for token in self._tokens:
            yield from token.children or ()


def plain_text(token: Token) -> str:
    return "".join(child.content for child in token.children or () if child.type in ("text", "code_inline"))


def words_of(command: str) -> list[str]:
    """The words after ``ppo``, as the shell gives them to it: no comments, no redirection, no pipe."""
    words = shlex.split(command, comments=True)
    ends = [index for index, word in enumerate(words) if word in (">", "|", "&&")]
    return words[1 : min(ends, default=len(words))]


README = Page(ROOT / "README.md")
GUIDES = [Page(path) for path in sorted((ROOT / "docs" / "guides").glob("*.md"))]
PAGES = [README, *(Page(path) for path in sorted((ROOT / "docs").rglob("*.md")))]
