"""``ppo train --from-sweep``: the settings of one point of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.errors import UsageError
from ppo_cli.prepare.resolve import ResolvedSettings

if TYPE_CHECKING:
    from ppo_cli.sweep.results.results import PointResult

BEST = "best"


def settings_from_sweep(
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
    from ppo_cli.config.resolve import with_values
    from ppo_cli.envs.consent import agree_to_run
    from ppo_cli.envs.whole_episodes import check_whole_episodes
    from ppo_cli.sweep.results.reading import sweep_results
    from ppo_cli.sweep.results.results import by_point
    from ppo_cli.sweep.results.sweep_dir import find_sweep

    folder = find_sweep(runs_dir, ref)
    spec, runs = sweep_results(folder)
    points = {one.point.label: one for one in by_point(runs)}
    found = _best(folder.name, list(points.values())) if point == BEST else points.get(point)
    if found is None:
        near = get_close_matches(point, [*points, BEST], n=3, cutoff=0.4) or [BEST, *list(points)[:4]]
        raise UsageError(
            f"{folder.name} has no point {point[:100]!r}",
            hint=f"did you mean {' or '.join(near)}?",
            key="point",
        )
    config = with_values(spec.config(found.point, spec.base.seed), dict(values))
    agree_to_run(config, allow_import=allow_import)
    check_whole_episodes(config)
    origins = {name: f"sweep {folder.name}" for name, _ in found.point.values}
    notice = f"{found.point.text}, from the sweep {folder.name}"
    if found.returns:
        notice += f" (mean return {found.mean:.1f} over {len(found.returns)} seeds there)"
    return ResolvedSettings(config, spec.requested(config.env_id), origins, (notice,))


def _best(name: str, points: list[PointResult]) -> PointResult:
    from ppo_cli.sweep.results.results import best_point

    found = best_point(points)
    if found is None:
        raise UsageError(
            f"{name} has no best point: none of its runs is complete",
            hint="finish it with `ppo sweep --resume`, or name a point: --point LABEL",
            key="point",
        )
    return found
