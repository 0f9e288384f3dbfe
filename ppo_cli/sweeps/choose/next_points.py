"""The points that a sweep trains next: those that a search asks for, and those known before the start."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from ppo_cli.envs.whole_episodes import check_whole_episodes
from ppo_cli.errors import UsageError
from ppo_cli.sweeps.choose import optuna_search
from ppo_cli.sweeps.spec.points import Point
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec


def ask_for(
    spec: SweepSpec, means: Mapping[Point, float], count: int, kind: Literal["random", "tpe"]
) -> list[Point]:
    """New points of a sweep whose settings go together.

    Args:
        spec: The sweep.
        means: The points so far, with the mean return over seeds; NaN for one that has none.
        count: How many points to ask for.
        kind: How they are drawn.

    Raises:
        UsageError: Optuna is not installed.
    """

    def is_valid(point: Point) -> bool:
        try:
            check_whole_episodes(spec.config(point, spec.base.seed))
        except UsageError:
            return False
        return True

    return optuna_search.ask(kind, spec.params, means, count, spec.base.seed, is_valid)


def num_points_known(spec: SweepSpec) -> int:
    """Count the points of a sweep that do not depend on its results."""
    if spec.search == "grid":
        return spec.num_points
    return optuna_search.generations(spec.search, spec.num_points, 1)[0]


def with_all_points(spec: SweepSpec) -> SweepSpec:
    """A sweep with as many points as it will have, for an estimate.

    A grid has them. Of a search those come first with which it begins in any case; for those that will follow
    from the results, points drawn at random stand in.

    Raises:
        UsageError: Optuna is not installed.
    """
    if spec.search == "grid":
        return spec
    kinds: tuple[tuple[Literal["random", "tpe"], int], ...] = (
        (spec.search, num_points_known(spec)),
        ("random", spec.num_points),
    )
    for kind, total in kinds:
        missing = total - len(spec.asked)
        if missing > 0:
            more = ask_for(spec, dict.fromkeys(spec.asked, math.nan), missing, kind)
            spec = replace(spec, asked=(*spec.asked, *more))
    return spec
