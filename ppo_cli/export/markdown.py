"""Texts from users and files as inert Markdown, and as YAML in front of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ppo_cli.config.problems import printable

_BAR = re.compile(r"(?<!\\)\|")  # ends a cell, also between backticks
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~&$@:])")


def prose(text: str) -> str:
    r"""A text in a paragraph: nothing in it is markup, HTML, a link or a line of its own.

    >>> print(prose("a_run [x](y) <b>\n# no"))
    a\_run \[x\]\(y\) \<b\>\\n\# no
    """
    return _MARKUP.sub(r"\\\1", printable(text))


def code(text: str) -> str:
    """A text between backticks.

    >>> print(code("a_b"), code("a`b"))
    `a_b` ``a`b``
    """
    shown = printable(text)
    ticks = "`" * (_longest_run(shown, "`") + 1)
    space = " " if shown[:1] == "`" or shown[-1:] == "`" or not shown else ""
    return f"{ticks}{space}{shown}{space}{ticks}"


def code_block(lines: Sequence[str], language: str = "") -> str:
    """Lines of code, whatever is in them."""
    text = "\n".join(lines)
    fence = "`" * max(3, _longest_run(text, "`") + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its cells are Markdown on one line."""
    lines = [[_BAR.sub(r"\\|", cell) for cell in cells] for cells in (head, *rows)]
    lines.insert(1, ["--"] * len(head))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _longest_run(text: str, char: str) -> int:
    return max(map(len, re.findall(re.escape(char) + "+", text)), default=0)
