"""What a sweep is refused for."""

from __future__ import annotations

import pytest
from helpers.sweep_specs import CARTPOLE, refused, spec_of

from ppo_cli.config.resolve import with_values
from ppo_cli.sweeps.spec.checks import check_spec
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec


def test_a_point_whose_settings_do_not_go_together_is_named():
    spec = spec_of("num_steps=32,33", "num_minibatches=4,32")
    error = refused(
        lambda: check_spec(spec), "at num_steps = 33, num_minibatches = 32: ", "num_minibatches may be"
    )
    assert error.key == "learning.num_minibatches"
    check_spec(spec_of("num_steps=32,64", "num_minibatches=4,32"))


@pytest.mark.parametrize(
    ("texts", "fields", "message", "hint"),
    [
        ([], {}, "no setting is swept", "--param"),
        (["eps_clip=0.1..0.4"], {}, "a grid needs to know how many", ":5"),
        (["eps_clip=0.1,0.2", "gamma=0.9"], {"zipped": True}, "eps_clip has 2, gamma has 1", "as many"),
        (["eps_clip"], {"num_seeds": 0}, "0 seeds", None),
        (["eps_clip"], {"confirm": -1}, "-1 held-out seeds", None),
        (["eps_clip"], {"trials": 5}, "a grid has no trials", "--search"),
        (["eps_clip=0.1..0.2"], {"search": "random"}, "needs a number of points", "--trials"),
        (["eps_clip=0.1..0.2"], {"search": "tpe", "trials": 0}, "0 trials", "--trials"),
        (["eps_clip=0.1..0.2"], {"search": "tpe", "trials": 9, "zipped": True}, "by itself", "--zip"),
        (["eps_clip=0.1..0.2:5"], {"search": "tpe", "trials": 9}, "has a count", "grid"),
        (["eps_clip=0.1,0.2"], {"search": "tpe", "trials": 2}, "only 2 combinations", "range"),
        (["eps_clip=0.1..0.2"], {"search": "tpe", "trials": 2001}, "10,005 runs; most is 10,000", "fewer"),
        (["eps_clip=0.1,0.2,0.3"], {"prune": True}, "3 are too few", "--prune"),
        (["distance=0,50"], {}, "changes no reward while reward_shaping.mode is off", "mode=potential"),
        (["scale=1,2", "mode=off,log"], {}, "while reward_shaping.mode is log or off", "mode=potential"),
        (["clip_obs=5,10"], {}, "changes nothing while normalize_obs is false", "normalize_obs=true"),
    ],
)
def test_a_sweep_that_answers_nothing_is_refused(texts, fields, message, hint):
    refused(lambda: check_spec(spec_of(*texts, **fields)), message, hint)


def test_a_weight_may_be_swept_together_with_its_mode():
    check_spec(
        spec_of("distance=0,50", "mode=off,add", base=with_values(CARTPOLE, {"env_id": "LunarLander-v3"}))
    )


def test_a_grid_of_a_million_points_is_refused_before_its_points_are_made(monkeypatch):
    monkeypatch.setattr(SweepSpec, "points", lambda self: pytest.fail("they are made"))
    spec = spec_of("eps_clip=0.1..0.4:1000", "gamma=0.9..0.99:1000")
    refused(
        lambda: check_spec(spec),
        "a grid of 1,000,000 points × 5 seeds is 5,000,000 runs; most is 10,000 runs",
        "fewer",
    )


def test_more_values_than_the_file_of_a_sweep_can_hold_are_refused():
    values = ",".join(str(1 + index / 10_000) for index in range(3_001))
    refused(lambda: check_spec(spec_of(f"ent_coef={values}", num_seeds=1)), "3,001 values", "range")


def test_seeds_beyond_the_largest_are_refused():
    base = with_values(CARTPOLE, {"seed": 2**32 - 8})
    check_spec(spec_of("eps_clip", base=base, num_seeds=5, confirm=3))
    refused(
        lambda: check_spec(spec_of("eps_clip", base=base, num_seeds=6, confirm=3)),
        "go beyond 4,294,967,295",
        "lower",
    )


def test_points_need_a_final_evaluation_to_be_compared_by():
    base = with_values(CARTPOLE, {"final_eval_episodes": 0})
    refused(
        lambda: check_spec(spec_of("eps_clip", base=base)), "evaluation.final_eval_episodes: is 0", "=100"
    )
