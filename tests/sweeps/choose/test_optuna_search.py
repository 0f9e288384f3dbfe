"""The points that a search asks for."""

from __future__ import annotations

from typing import Any

import pytest

from ppo_cli.sweeps.choose.optuna_search import DIGITS, ask, generations
from ppo_cli.sweeps.spec.params import parse_param
from ppo_cli.sweeps.spec.points import Point

RANGES = ("learning_rate=0.0001..0.1:log", "eps_clip=0.1,0.3", "num_epochs=1..3")


def any_point(point: Point) -> bool:
    return True


def asked(kind: str, means: dict[Point, float], count: int, *params: str, seed: int = 1) -> list[Point]:
    return ask(kind, tuple(map(parse_param, params or RANGES)), means, count, seed, any_point)


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_a_search_asks_for_different_points_within_its_ranges(kind: str) -> None:
    params = (
        "learning_rate=0.00123456..0.00123467:log",
        "eps_clip=0.1,0.3",
        "num_epochs=1..3",
        "gamma=0.5..0.6",
    )
    means: dict[Point, float] = {}
    for round_number in range(4):
        points = asked(kind, means, 5, *params)
        means |= {point: float(round_number) for point in points}
        for point in points:
            value: dict[str, Any] = dict(point.values)
            assert list(value) == ["learning_rate", "eps_clip", "num_epochs", "gamma"]
            assert 0.00123456 <= value["learning_rate"] <= 0.00123467 and value["eps_clip"] in (0.1, 0.3)
            assert value["num_epochs"] in (1, 2, 3) and isinstance(value["num_epochs"], int)
            assert 0.5 <= value["gamma"] <= 0.6 and float(f"{value['gamma']:.{DIGITS}g}") == value["gamma"]
    assert len(means) == 20


def test_a_search_that_has_tried_everything_asks_for_nothing_more() -> None:
    means = dict.fromkeys(asked("random", {}, 9, "eps_clip=0.1,0.3", "num_epochs=1..3"), 1.0)
    assert len(means) == 6
    assert asked("random", means, 3, "eps_clip=0.1,0.3", "num_epochs=1..3") == []


def test_points_whose_settings_do_not_go_together_are_not_asked_for() -> None:
    params = tuple(map(parse_param, RANGES))
    points = ask("random", params, {}, 20, 1, lambda point: dict(point.values)["num_epochs"] != 2)
    assert {dict(point.values)["num_epochs"] for point in points} == {1, 3}


def test_tpe_goes_where_returns_were_high() -> None:
    draws = asked("random", {}, 30, "gamma=0.0..1.0")
    values = [float(dict(point.values)["gamma"]) for point in draws]

    def distance(target: float) -> float:
        means = {point: -abs(value - target) for point, value in zip(draws, values, strict=True)}
        asked_for = [float(dict(point.values)["gamma"]) for point in asked("tpe", means, 8, "gamma=0.0..1.0")]
        return sum(abs(value - target) for value in asked_for) / len(asked_for)

    assert distance(0.1) < 0.3 and distance(0.9) < 0.3, "at random it is 0.41"


def test_tpe_begins_at_random_and_then_asks_for_a_few_at_a_time() -> None:
    assert generations("random", 25, 4) == [25]
    assert generations("tpe", 25, 4) == [10, 4, 4, 4, 3]
    assert generations("tpe", 7, 4) == [7]
