"""Which points a rung keeps."""

from __future__ import annotations

import math

from ppo_cli.sweeps.choose.halving import survivors
from ppo_cli.sweeps.spec.points import Point


def test_a_rung_keeps_the_better_half_but_two_at_least_and_lost_points_come_last() -> None:
    def kept(*scores: float) -> list[int]:
        points = {Point.of({"gamma": index}): score for index, score in enumerate(scores)}
        return [int(dict(point.values)["gamma"]) for point in survivors(points)]

    assert kept(1.0, 5.0, 3.0, 4.0, 2.0) == [1, 2, 3]
    assert kept(5.0, 1.0, 3.0) == [0, 2]
    assert kept(1.0, 2.0) == [0, 1]
    assert kept(-1e9, math.nan, math.nan, -2e9) == [0, 3]
    assert 2 in kept(math.nan, math.nan, 1.0)
