"""Texts of users as inert Markdown."""

from __future__ import annotations

from ppo_cli.export.markdown import code, code_block, prose, table


def test_markdown_of_any_text_is_inert() -> None:
    assert prose("<b> [a](b) `c` | *d*") == r"\<b\> \[a\]\(b\) \`c\` \| \*d\*"
    assert code("`") == "`` ` ``"
    assert code_block(["```", "x"]) == "````\n```\nx\n````"
    assert table(("a", "b"), [(code("x|y"), prose("x|y"))]).splitlines()[2] == r"| `x\|y` | x\|y |"
