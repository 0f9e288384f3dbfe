"""The content of a report, before it is HTML: plain text and numbers, none of them escaped yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Card:
    """A headline number.

    Attributes:
        label: What it is.
        value: The number.
        note: Its interval, or what it is made from.
    """

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its header.
        is_number: Whether its cells stand on the right.
    """

    title: str
    is_number: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What is shown.
        key: The number by which the column is sorted, where that is not the text; NaN goes last.
        mark: ``bad`` for what failed, ``changed`` for what differs from a default.
    """

    text: str
    key: float | None = None
    mark: str = ""

    @property
    def sort_key(self) -> str:
        """The number as an attribute of the page; empty for one that is not there."""
        return "" if self.key is None or not math.isfinite(self.key) else repr(float(self.key))


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: Its heading.
        columns: Its columns; the first one names the rows.
        rows: One cell per column.
        note: What is to be said about it.
        is_open: Whether it is shown at first, or folded away.
        is_sortable: Whether a click on a header sorts it.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    is_open: bool = True
    is_sortable: bool = True


@dataclass(frozen=True)
class Chart:
    """A chart of Bokeh.

    Attributes:
        name: Its id on the page.
        title: Its heading.
        alt: What it shows, for those who cannot see it.
        item: The document that BokehJS embeds.
        note: What is to be said about it.
    """

    name: str
    title: str
    alt: str
    item: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A GIF.

    Attributes:
        caption: What it shows.
        uri: The picture itself, as a data URI.
    """

    caption: str
    uri: str


@dataclass(frozen=True)
class Command:
    """A command that repeats something.

    Attributes:
        about: What it does.
        text: The words as a shell takes them.
    """

    about: str
    text: str


@dataclass(frozen=True)
class Report:
    """A report. What there is not is empty, and then not on the page.

    Attributes:
        title: Its heading.
        about: The environment, how many runs, and the date of the newest.
        verdict: What the numbers say, in words.
        cards: The headline numbers.
        results: Tables of the groups or points, and of the runs.
        sensitivity: How the result of a sweep depends on its settings, a chart each.
        curves: Data of the learning curves, as :mod:`ppo_cli.html.curves` makes it; None without any.
        curves_notes: What was left out of them.
        threshold: The return that counts as solved.
        pictures: The GIFs.
        pictures_note: Which GIFs were left out.
        settings: Tables of settings.
        commands: How to repeat it.
        versions: Tables of versions.
        warnings: What the reader should know first.
    """

    title: str
    about: tuple[str, ...]
    verdict: str
    cards: tuple[Card, ...]
    results: tuple[Table, ...]
    sensitivity: tuple[Chart, ...] = ()
    curves: Mapping[str, Any] | None = None
    curves_notes: tuple[str, ...] = ()
    threshold: float | None = None
    pictures: tuple[Picture, ...] = ()
    pictures_note: str = ""
    settings: tuple[Table, ...] = ()
    commands: tuple[Command, ...] = ()
    versions: tuple[Table, ...] = ()
    warnings: tuple[str, ...] = field(default=())
