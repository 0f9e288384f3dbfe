"""The plots of a sweep: what its settings do to the return, and learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ppo_cli.errors import CorruptFileError
from ppo_cli.runs.logs import read_columns

if TYPE_CHECKING:
    from ppo_cli.sweeps.results.run_result import RunResult
    from ppo_cli.sweeps.results.sweep_results import SweepResults


def write_sweep_plots(results: SweepResults) -> list[Path]:
    """Draw a sweep into its folder.

    Returns:
        The PNG files; there is an SVG file beside each.

    Raises:
        UsageError: matplotlib is not installed.
        StorageError: They cannot be written.
    """
    from ppo_cli.envs.factory import env_spec
    from ppo_cli.report.plots import effects_plot, learning_curves, sensitivity
    from ppo_cli.sweeps.results.summary import effects_of

    spec, folder = results.spec, results.folder.path
    config, is_one_env = spec.base, len(spec.env_ids) == 1
    threshold = env_spec(config.env_id, config.env_kwargs).reward_threshold if is_one_env else None
    title = config.env_id if is_one_env else f"{len(spec.env_ids)} environments"
    figures = [
        sensitivity(
            folder / "sensitivity.png",
            spec.params,
            results.points(),
            spec.default_point,
            title,
            threshold=threshold,
        ),
        learning_curves(
            folder / "learning_curves.png",
            _curves(results.runs),
            title=f"{title}: return while training",
            ylabel="episode return, evaluations while training",
            threshold=threshold,
        ),
    ]
    found = effects_of(spec, results.points())
    if found:
        what = f"{title}: what matters for the return"
        figures.append(effects_plot(folder / "effects.png", found, title=what))
    return [png for png, _ in figures]


def _curves(runs: Sequence[RunResult]) -> dict[str, list[Any]]:
    """Steps and evaluation means of every run, by point."""
    curves: dict[str, list[Any]] = {}
    for run in runs:
        try:
            columns = read_columns(run.run_dir.eval_path, "global_step", "mean")
        except CorruptFileError:
            continue
        if columns["mean"]:
            pair = tuple(np.array(column) for column in columns.values())
            curves.setdefault(run.planned.point.label, []).append(pair)
    return curves
