"""Which of several swept settings mattered."""

from __future__ import annotations

import itertools
import math

from ppo_cli.sweeps.choose.optuna_search import FEWEST, importances
from ppo_cli.sweeps.spec.params import parse_param
from ppo_cli.sweeps.spec.points import Point

PARAMS = [
    parse_param("eps_clip=0.1,0.2,0.3"),
    parse_param("learning_rate=1e-4..1e-2:log"),
    parse_param("activation"),
]
RATES = (1e-4, 1e-3, 3e-3, 1e-2)


def means() -> dict[Point, float]:
    """Returns that depend on the learning rate, a little on the clip range, and not on the activation."""
    return {
        Point((("eps_clip", clip), ("learning_rate", rate), ("activation", kind))): -100
        * abs(math.log10(rate) + 3)
        + 10 * clip
        for clip, rate, kind in itertools.product((0.1, 0.2, 0.3), RATES, ("relu", "tanh"))
    }


def test_the_setting_that_returns_depend_on_matters_most() -> None:
    shares = importances(PARAMS, means())
    assert next(iter(shares)) == "learning_rate" and shares["learning_rate"] > 0.8
    assert math.isclose(sum(shares.values()), 1.0)


def test_nothing_is_said_of_too_little() -> None:
    points = means()
    few = dict(list(points.items())[: FEWEST - 1])
    only_rates = {
        point: mean for point, mean in points.items() if "relu" in point.label and "0.1" in point.label
    }
    lost = dict.fromkeys(points, math.nan)
    for too_little in ({}, few, only_rates, lost, dict.fromkeys(points, 1.0)):
        assert importances(PARAMS, too_little) == {}
