"""The settings of one point of a sweep, to train with them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ppo_cli.errors import UsageError
from ppo_cli.prepare.resolve import ResolvedSettings, settings_of_config
from ppo_cli.sweeps.folder.sweep_dir import find_sweep
from ppo_cli.sweeps.results.point_result import PointResult, best_point
from ppo_cli.sweeps.results.sweep_results import read_sweep
from ppo_cli.sweeps.spec.consent import is_agreed_before

BEST = "best"


def settings_of_point(
    ref: str, point: str, runs_dir: Path, *, values: Mapping[str, Any], allow_import: bool
) -> ResolvedSettings:
    """The settings of a point.

    Args:
        ref: The sweep: a path, a name, a unique beginning of one, or ``latest``.
        point: ``best``, or the point's label, such as ``eps_clip=0.2``.
        runs_dir: The directory of all runs and sweeps.
        values: Settings that have options of their own, by name; they win.
        allow_import: ``--allow-import``.

    Raises:
        UsageError: There is no such sweep or point, or it has no best one yet.
    """
    folder = find_sweep(runs_dir, ref)
    results = read_sweep(folder)
    spec = results.spec
    chosen = _chosen(folder.name, results.points(), point)
    agreed = allow_import or is_agreed_before(folder.path, spec)
    settings = settings_of_config(spec.config(chosen.point, spec.base.seed), values, allow_import=agreed)
    notice = f"{chosen.point.text}, from the sweep {folder.name}"
    if chosen.returns:
        notice += f" (mean return {chosen.mean:.1f} over {len(chosen.returns)} seeds there)"
    return replace(
        settings,
        env_requested=spec.requested(settings.config.env_id),
        origins={name: f"sweep {folder.name}" for name, _ in chosen.point.values},
        notices=(notice,),
    )


def _chosen(sweep: str, points: list[PointResult], label: str) -> PointResult:
    """The point with a label, or the best one."""
    if label == BEST:
        best = best_point(points)
        if best is None:
            raise UsageError(
                f"{sweep} has no best point: none of its runs is complete",
                hint="finish it with `ppo sweep --resume`, or name a point: --point LABEL",
                key="point",
            )
        return best
    by_label = {result.point.label: result for result in points}
    if label not in by_label:
        near = get_close_matches(label, [*by_label, BEST], n=3, cutoff=0.4) or [BEST, *list(by_label)[:4]]
        raise UsageError(
            f"{sweep} has no point {label[:100]!r}", hint=f"did you mean {' or '.join(near)}?", key="point"
        )
    return by_label[label]
