"""Points, and the settings of every run."""

from __future__ import annotations

from dataclasses import replace

from helpers.sweep_specs import CARTPOLE, spec_of

from ppo_cli.config.resolve import with_values
from ppo_cli.sweeps.spec.checks import check_spec
from ppo_cli.sweeps.spec.points import Point


def test_several_settings_make_every_combination_the_last_one_fastest():
    spec = spec_of("eps_clip=0.1,0.2", "gamma=0.9,0.99,0.999")
    assert [dict(point.values) for point in spec.points()][:4] == [
        {"eps_clip": 0.1, "gamma": 0.9},
        {"eps_clip": 0.1, "gamma": 0.99},
        {"eps_clip": 0.1, "gamma": 0.999},
        {"eps_clip": 0.2, "gamma": 0.9},
    ]
    assert len(spec.points()) == spec.num_points == 6


def test_zip_pairs_the_values():
    spec = spec_of("eps_clip=0.1,0.2", "gamma=0.9..0.99:2", zipped=True)
    assert [dict(point.values) for point in spec.points()] == [
        {"eps_clip": 0.1, "gamma": 0.9},
        {"eps_clip": 0.2, "gamma": 0.99},
    ]
    assert spec.num_points == 2


def test_a_search_has_the_points_that_it_asked_for():
    asked = (Point.of({"eps_clip": 0.123}),)
    spec = spec_of("eps_clip=0.1..0.2", search="random", trials=7, asked=asked)
    assert spec.points() == asked
    assert spec.num_points == 7


def test_a_run_has_the_values_of_its_point_its_seed_and_the_rest_of_the_base():
    base = with_values(CARTPOLE, {"seed": 11, "gamma": 0.9, "reward_shaping.custom": {"upright": 2.0}})
    spec = spec_of("eps_clip=0.1,0.4", "custom.upright=0,1", "hidden_sizes=32x32", base=base, num_seeds=3)
    assert list(spec.seeds) == [11, 12, 13]
    config = spec.config(spec.points()[-1], 12)
    assert config == with_values(
        base, {"eps_clip": 0.4, "custom.upright": 1.0, "hidden_sizes": (32, 32), "seed": 12}
    )


def test_the_default_point_has_the_values_of_the_base():
    assert spec_of("eps_clip=0.1,0.2", "gamma=0.9,0.99").default_point == Point.of(
        {"eps_clip": 0.2, "gamma": 0.99}
    )
    assert spec_of("eps_clip=0.1,0.3").default_point is None
    assert spec_of("custom.upright=0,1").default_point == Point.of({"custom.upright": 0.0})


def test_a_spec_is_not_changed_by_what_it_gives():
    spec = spec_of("eps_clip=0.1,0.2")
    before = replace(spec)
    spec.points(), check_spec(spec), spec.config(spec.points()[0], 1)
    assert spec == before
