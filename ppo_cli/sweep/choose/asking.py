"""The points that a search asks for: now, and before the start as far as they are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from ppo_cli.envs.whole_episodes import check_whole_episodes
from ppo_cli.errors import UsageError
from ppo_cli.sweep.choose import search
from ppo_cli.sweep.spec.points import Point
from ppo_cli.sweep.spec.spec import SweepSpec


def ask_for(
    spec: SweepSpec, told: Mapping[Point, float], count: int, kind: Literal["random", "tpe"]
) -> list[Point]:
    """New points of a sweep whose settings go together.

    Args:
        spec: The sweep.
        told: The points so far, with the mean return over seeds; NaN for one that has none.
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

    return search.ask(kind, spec.params, told, count, spec.base.seed, is_valid)


def begins_with(spec: SweepSpec) -> int:
    """How many of a sweep's points do not depend on its results."""
    if spec.search == "grid":
        return spec.num_points
    return search.generations(spec.search, spec.num_points, 1)[0]


def expected(spec: SweepSpec) -> SweepSpec:
    """A sweep with all its points, for an estimate.

    A grid has them. Of a search those come first with which it begins in any case; for those that will follow
    from the results, points drawn at random stand in.

    Raises:
        UsageError: Optuna is not installed.
    """
    if spec.search == "grid":
        return spec
    kinds: tuple[tuple[Literal["random", "tpe"], int], ...] = (
        (spec.search, begins_with(spec)),
        ("random", spec.num_points),
    )
    for kind, total in kinds:
        missing = total - len(spec.asked)
        if missing > 0:
            more = ask_for(spec, dict.fromkeys(spec.asked, math.nan), missing, kind)
            spec = replace(spec, asked=(*spec.asked, *more))
    return spec
