"""What the runs of a point came to together."""

from __future__ import annotations

import json

from ppo_cli.sweeps.results.point_result import PointResult, best_first, best_point
from ppo_cli.sweeps.spec.points import Point


def a_point(gamma: float, *returns: float, failed: int = 0) -> PointResult:
    seeds = tuple(range(len(returns)))
    return PointResult(Point.of({"gamma": gamma}), seeds, returns, failed, 0, 0, 0, 0.0)


def test_the_best_point_has_the_highest_mean_of_those_that_lost_the_fewest_seeds() -> None:
    whole, better = a_point(0.1, 1.0, 2.0, 3.0), a_point(0.2, 2.0, 3.0, 4.0)
    lucky = a_point(0.3, 99.0, 99.0, failed=1)
    assert best_point([whole, better, lucky]) is better
    assert best_point([lucky, a_point(0.4, failed=3)]) is lucky, "none is whole"
    assert best_point([a_point(0.5, 50.0), whole]) is whole, "one seed is less than three"
    assert best_point([a_point(0.6)]) is None


def test_points_are_put_in_order_from_the_best_to_those_without_a_return() -> None:
    none, low, high = a_point(0.1), a_point(0.2, 1.0), a_point(0.3, 2.0, 3.0)
    assert best_first([none, low, high]) == [high, low, none]


def test_a_point_comes_out_of_its_document_as_it_went_in() -> None:
    point = PointResult(Point.of({"hidden_sizes": (64, 64)}), (1, 3), (0.5, -1.5), 1, 2, 3, 640, 1.25)
    document = json.loads(json.dumps(point.to_json()))
    assert PointResult.from_json(document) == point
