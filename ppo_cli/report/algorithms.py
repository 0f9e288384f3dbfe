"""The algorithms, one below the other: a pure function from documents to something Rich prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ppo_cli.config.dump import yaml_text
from ppo_cli.report.tables import cell

_INDENT = 2


def algorithms_text(algorithms: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Each algorithm's name and summary, formula, paper and own settings.

    Args:
        algorithms: As ``ppo algorithms --json`` has them.
    """
    parts: list[RenderableType] = []
    for algorithm in algorithms:
        heading = Text.assemble((algorithm["name"], "bold"), f": {algorithm['summary']}")
        parts += [heading, Padding(_facts(algorithm), (0, 0, 0, _INDENT), expand=False)]
        parts += [Padding(_settings(algorithm["settings"]), (0, 0, 1, _INDENT), expand=False)]
    return Group(*parts)


def _facts(algorithm: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("loss", cell(algorithm["formula"]))
    table.add_row("paper", cell(algorithm["paper"]))
    if algorithm["whole_episodes"]:
        table.add_row("needs", cell("whole episodes: num_steps is at least the environment's time limit"))
    return table


def _settings(settings: Sequence[Mapping[str, Any]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="dim")
    for setting in settings:
        table.add_row(cell(setting["name"]), cell(yaml_text(setting["default"])), cell(setting["help"]))
    return table
