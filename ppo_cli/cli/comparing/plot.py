"""The plot of ``ppo compare --plot``: where it goes, and that it is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ppo_cli.storage.output_path import check_folder_of, check_new_file

if TYPE_CHECKING:
    from ppo_cli.comparison.comparison import Comparison


def plot_path(path: Path, *, force: bool) -> Path:
    """The PNG file to be, once it is sure that it and the SVG file beside it can be written.

    Args:
        path: As typed, with or without the ending.
        force: Whether files that are there may be replaced.

    Raises:
        UsageError: matplotlib is not installed, it is no name, a file exists, or there is no such folder.
        StorageError: The folder cannot be written.
    """
    from ppo_cli.report.plotting.figure import require_matplotlib

    require_matplotlib()
    check_folder_of(path, "--plot")
    stem = path.with_suffix("") if path.suffix.lower() in (".png", ".svg") else path
    image = stem.with_name(f"{stem.name}.png")
    for target in (image, image.with_suffix(".svg")):
        check_new_file(target, force=force, option="--plot")
    return image


def draw(image: Path, comparison: Comparison, kind: Literal["mean", "iqm"]) -> list[str]:
    """Draw a comparison; the files written.

    Args:
        image: The PNG file to be; the SVG file comes beside it.
        comparison: The groups.
        kind: What curves show of the seeds.
    """
    from ppo_cli.report.compare_plots import comparison_plot

    comparison_plot(image, comparison, kind=kind)
    return [str(image), str(image.with_suffix(".svg"))]
