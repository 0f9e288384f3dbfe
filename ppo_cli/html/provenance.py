"""The origin of results: the commands that repeat them, and the versions that they were made with."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ppo_cli.html.cells import text_cell
from ppo_cli.html.content import Column, Command, Table
from ppo_cli.report.numbers import plural

Summary = Mapping[str, Any]

_MOST_COMMANDS = 8
_MOST_SETS = 4


def made_by(summaries: Sequence[Summary]) -> list[Command]:
    """The commands that made the runs, each once."""
    words = dict.fromkeys(str(summary["command"]) for summary in summaries if summary.get("command"))
    shown = [Command("made by", text) for text in list(words)[:_MOST_COMMANDS]]
    left_out = len(words) - len(shown)
    if left_out:
        shown.append(
            Command(f"and {plural(left_out, 'other command')}, see the summary.json of the runs", "")
        )
    return shown


def command(about: str, *words: object) -> Command:
    """A command whose words are quoted as a shell needs it."""
    return Command(about, shlex.join(["ppo", *map(str, words)]))


def versions_tables(summaries: Sequence[Summary]) -> tuple[Table, ...]:
    """The versions, a table for each set of them that some runs have in common."""
    sets: dict[str, int] = {}
    for summary in summaries:
        versions = summary.get("versions")
        named = dict(versions) if isinstance(versions, Mapping) else {}
        if summary.get("git_commit"):
            named["git commit of the working directory"] = summary["git_commit"]
        if named:
            text = json.dumps(named)
            sets[text] = sets.get(text, 0) + 1
    shown = sorted(sets, key=lambda text: -sets[text])[:_MOST_SETS]
    return tuple(_table(json.loads(text), sets[text], len(sets)) for text in shown)


def _table(versions: Mapping[str, Any], runs: int, sets: int) -> Table:
    title = f"Versions ({'all runs' if sets == 1 else plural(runs, 'run')})"
    rows = tuple((text_cell(name), text_cell(value)) for name, value in versions.items())
    return Table(title, (Column("what"), Column("version")), rows, is_sortable=False)
