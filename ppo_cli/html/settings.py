"""The settings of a report: what differs between the groups, what differs from the defaults, and all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppo_cli.config.dump import yaml_text
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import REQUIRED, SETTINGS, Setting
from ppo_cli.config.values import get_value, is_used
from ppo_cli.html.cells import text_cell
from ppo_cli.html.content import Column, Table
from ppo_cli.report.numbers import plural

_CHANGED = "changed"
_SEED = "seed"


def settings_tables(configs: Sequence[RunConfig], between: Table | None = None) -> tuple[Table, ...]:
    """The tables of the settings of some runs, of which no two need to agree.

    Args:
        configs: The settings, one per group or point; what they share is shown once.
        between: What differs between the groups, where it is known.
    """
    rows = [(setting, _values(configs, setting), _text(setting.default)) for setting in SETTINGS]
    rows = [row for row in rows if row[0].path != _SEED and row[1]]
    changed = [row for row in rows if row[0].default != REQUIRED and row[1] != [row[2]]]
    changed_table = Table(
        title="Settings that differ from their default",
        columns=(Column("setting"), Column("value"), Column("default"), Column("meaning")),
        rows=tuple(
            (
                text_cell(setting.path),
                text_cell(_joined(values), _CHANGED),
                text_cell(default),
                text_cell(setting.help),
            )
            for setting, values, default in changed
        ),
        note="" if changed else "None: every setting is at its default.",
    )
    all_settings = Table(
        title=f"All {plural(len(rows), 'setting')}",
        columns=(Column("setting"), Column("value"), Column("default"), Column("allowed"), Column("meaning")),
        rows=tuple(
            (
                text_cell(setting.path),
                text_cell(_joined(values), _CHANGED if (setting, values, default) in changed else ""),
                text_cell(default),
                text_cell(setting.expected),
                text_cell(setting.help),
            )
            for setting, values, default in rows
        ),
        note="The seed is not among them: it stands beside each run.",
        is_open=False,
    )
    return (*((between,) if between is not None and between.rows else ()), changed_table, all_settings)


def between_table(names: Sequence[str], differing: Mapping[str, Mapping[str, str]]) -> Table:
    """The table of the settings in which groups differ.

    Args:
        names: The groups, a column each.
        differing: Of each setting that differs, its value in each group.
    """
    return Table(
        title="Settings that differ between the groups",
        columns=(Column("setting"), *map(Column, names)),
        rows=tuple(
            (text_cell(path), *(text_cell(values.get(name), _CHANGED) for name in names))
            for path, values in differing.items()
        ),
    )


def _values(configs: Sequence[RunConfig], setting: Setting) -> list[str]:
    """The different values of a setting, in the order of the groups; of those that use it."""
    using = [config for config in configs if is_used(config, setting)]
    return list(dict.fromkeys(_text(get_value(config, setting.path)) for config in using))


def _joined(values: Sequence[str]) -> str:
    return " / ".join(values[:6]) + (f" and {len(values) - 6} more" if len(values) > 6 else "")


def _text(value: Any) -> str:
    return "" if value == REQUIRED else yaml_text(value)
