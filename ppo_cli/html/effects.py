"""What the settings of a study do, as a table of the page."""

from __future__ import annotations

from collections.abc import Sequence

from ppo_cli.comparison.effects import Effect, effects_sentence
from ppo_cli.html.cells import number_cell, text_cell
from ppo_cli.html.content import Cell, Column, Table

_BARS = 24  # characters of a share of 1


def effects_tables(effects: Sequence[Effect]) -> tuple[Table, ...]:
    """The table of effects with bars; none where there are no effects."""
    if not effects:
        return ()
    columns = (
        Column("setting"), Column("share of the variance", True), Column(""), Column("p (corrected)", True)
    )  # fmt: skip
    rows = tuple(
        (
            text_cell(effect.text), Cell(f"{effect.share:.0%}", effect.share),
            Cell("█" * max(1, round(_BARS * effect.share)), effect.share), number_cell(effect.p_value),
        )
        for effect in effects
    )  # fmt: skip
    note = (
        f"{effects_sentence(effects)} Analysis of variance (type II): every complete run is one observation."
    )
    return (Table("What matters", columns, rows, note),)
