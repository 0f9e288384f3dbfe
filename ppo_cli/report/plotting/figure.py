"""Figures: how all our pictures look, their titles and legends, and how they are written.

The home of matplotlib, which is an extra. Figures are made without pyplot: no display is needed, no window is
opened and nothing has to be closed. Equal data give equal bytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.errors import not_installed
from ppo_cli.storage.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 8.0  # inches; 1200 pixels, so that texts are read at the width of a README
_DPI = 150
FONT_SIZE = 9.5
_LAST_IN_LEGEND = ("the others", "default", "solved", "out of view")
_STYLE: dict[str, Any] = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "font.size": FONT_SIZE,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "svg.hashsalt": "ppo-cli",
    "text.parse_math": False,  # a label with dollar signs is no formula
}


def require_matplotlib() -> None:
    """Refuse early what could not be drawn later.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise not_installed("plots need matplotlib", "plots") from error


@contextmanager
def figure_style() -> Iterator[None]:
    """Our settings on top of matplotlib's own, not on top of the user's ``matplotlibrc``.

    Raises:
        UsageError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib import style

    with style.context(["default", _STYLE]), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing"
        )  # a sign that no font has: it shows as a box
        yield


def new_figure(
    rows: int, columns: int, height: float, *, widths: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, row by row.

    Args:
        rows: Rows of panels.
        columns: Panels in a row.
        height: Inches.
        widths: Of the columns, relative to each other, for panels that show different things; None for equal
            ones that share their vertical axis.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, layout="constrained")
    shared = rows * columns > 1 and widths is None
    panels = figure.subplots(rows, columns, squeeze=False, sharey=shared, width_ratios=widths)
    return figure, list(panels.flat)


def set_title(figure: Figure, title: str, explanation: str) -> None:
    """Write what is shown above the figure, and what its marks are in grey above its first panel."""
    figure.suptitle(title, x=0.012, ha="left", fontsize=11.5, fontweight="bold")
    axes = figure.axes[0]
    if axes.axison:
        axes.set_title(
            explanation, loc="left", fontsize=9, color="#555555", pad=14 if len(figure.axes) == 1 else 6
        )


def add_legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend for all panels below them, where it hides nothing; a label that repeats stands there once.

    The figure grows by its lines.
    """
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(_shortened(label), handle)
    if not handles:
        return
    labels = sorted(handles, key=lambda label: label.startswith(_LAST_IN_LEGEND))
    columns = _legend_columns([len(label) + 6 for label in labels])
    lines = -(-len(labels) // columns)
    figure.set_size_inches(_WIDTH, figure.get_size_inches()[1] + 0.2 * (lines - 1))
    figure.legend(
        [handles[label] for label in labels], labels, loc="outside lower center", ncols=columns, fontsize=9,
        handlelength=1.6,
    )  # fmt: skip


def say_instead(axes: Axes, text: str) -> None:
    """Write a sentence where there is nothing to draw."""
    axes.set_axis_off()
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=12, color="#6b6b6b"
    )


def _legend_columns(widths: Sequence[int]) -> int:
    """The most columns that fit, as even as they can be."""
    room = _WIDTH * 12
    if sum(widths) <= room:
        return len(widths)
    lines = -(-len(widths) // max(1, int(room // max(widths))))
    return -(-len(widths) // lines)


def _shortened(label: str) -> str:
    return label if len(label) <= 80 else f"{label[:79]}…"


def save_figure(figure: Figure, path: Path) -> tuple[Path, Path]:
    """Write the PNG and the SVG file, each whole or not at all.

    Args:
        figure: The figure.
        path: The PNG file; the SVG file has the same name.

    Raises:
        StorageError: A file cannot be written.
    """
    written = []
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None, "Creator": None})):
        data = io.BytesIO()
        figure.savefig(data, format=suffix[1:], metadata=metadata)
        target = path.with_suffix(suffix)
        atomic_write(target, data.getvalue())
        written.append(target)
    return written[0], written[1]
