"""The ``sweep.yaml`` of a sweep folder."""

from __future__ import annotations

import pytest
from helpers.sweep_specs import CARTPOLE, refused, spec_from, spec_of, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppo_cli.config.resolve import with_values
from ppo_cli.sweeps.folder.sweep_yaml import dump_spec, read_spec
from ppo_cli.sweeps.spec.checks import check_spec
from ppo_cli.sweeps.spec.params import Param
from ppo_cli.sweeps.spec.points import Point
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec

FLOATS = st.floats(1e-12, 1e3)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | FLOATS | TEXTS


@st.composite
def specs(draw):
    rates = tuple(draw(st.lists(FLOATS, min_size=1, max_size=4, unique=True)))
    things = tuple(draw(st.lists(SCALARS, min_size=1, max_size=4, unique=True)))
    low = draw(FLOATS)
    params = draw(
        st.permutations(
            [
                Param("learning.learning_rate", "learning_rate", rates),
                Param("env_kwargs.x", "env_kwargs.x", things),
                Param("network.hidden_sizes", "hidden_sizes", ((64, 64), (32,))),
                Param(
                    "learning.ent_coef", "ent_coef", (), 0.0, low / 100, False, draw(st.none() | st.just(7))
                ),
            ]
        )
    )
    params = tuple(params[: draw(st.integers(1, 4))])
    values = [
        {
            param.name: draw(st.sampled_from(param.values)) if param.values else draw(st.floats(0, 1))
            for param in params
        }
        for _ in range(draw(st.integers(0, 3)))
    ]
    base = with_values(CARTPOLE, {"gamma": 0.1 + draw(st.floats(0, 0.5)), "seed": draw(st.integers(0, 9))})
    return SweepSpec(
        bases=(base,),
        env_requested="CartPole-v0",
        params=params,
        zipped=draw(st.booleans()),
        num_seeds=draw(st.integers(1, 1000)),
        search=draw(st.sampled_from(["grid", "random", "tpe"])),
        trials=draw(st.none() | st.integers(1, 3000)),
        prune=draw(st.booleans()),
        confirm=draw(st.integers(0, 1000)),
        asked=tuple(Point.of(point) for point in values),
    )


@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(specs())
def test_a_sweep_survives_being_written_and_read(tmp_path, spec):
    again = read_spec(write(tmp_path, dump_spec(spec)))
    assert again == spec
    assert repr(again) == repr(spec)  # the same types too


def test_a_sweep_over_environments_survives_being_written_and_read(tmp_path):
    spec, _ = spec_from(params=["env_id=LunarLander-v2,CartPole-v1", "eps_clip"])
    assert read_spec(write(tmp_path, dump_spec(spec))) == spec
    assert spec.requested("LunarLander-v3") == "LunarLander-v2"


@pytest.mark.parametrize(
    "options",
    [
        {"params": ["algorithm=ppo-kl,grpo", "gamma=0.9,0.99"]},
        {"params": ["algorithm=ppo-kl,grpo", "gamma=0.9,0.99"], "zipped": True},
        {"params": ["algorithm=ppo-kl,grpo", "gamma=0.9..0.99"], "search": "random", "trials": 4},
        {"params": ["policy", "gamma=0.9,0.99"]},
    ],
)
def test_a_sweep_over_what_has_its_own_base_survives_being_written_and_read(tmp_path, options):
    spec, _ = spec_from(env="Pendulum-v1", **options)
    assert len(spec.bases) == 2
    path = write(tmp_path, dump_spec(spec))
    assert read_spec(path) == spec
    again, _ = spec_from(sweep_file=path)
    assert (again.bases, again.points()) == (spec.bases, spec.points())


def test_the_largest_search_can_be_read_back(tmp_path):
    texts = [
        f"{name}=0.0123456789..0.9" for name in ("eps_clip", "gamma", "gae_lambda", "vf_coef", "ent_coef")
    ]
    value = 0.12345678901234567
    names = [text.partition("=")[0] for text in texts]
    asked = tuple(Point.of(dict.fromkeys(names, value + index / 1e6)) for index in range(600))
    spec = spec_of(*texts, search="random", trials=600, asked=asked)
    check_spec(spec)
    assert read_spec(write(tmp_path, dump_spec(spec))) == spec


def test_a_later_tuned_file_does_not_change_the_sweep_of_a_folder(tmp_path, monkeypatch):
    spec, _ = spec_from(env="CartPole-v1", params=["eps_clip"])
    path = write(tmp_path, dump_spec(spec), "sweep.yaml")
    monkeypatch.setattr("ppo_cli.config.resolve.shipped_config_for", lambda *of: pytest.fail("read"))
    assert read_spec(path) == spec
    assert spec_from(sweep_file=path) == (spec, ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seeds: 5", "seeds: 0"), "seeds: 0 is not allowed; expected a whole number from 1 to 1,000"),
        (("seeds: 5", "seeds: 2.5"), "2.5 is not allowed"),
        (("zip: false", "zip: 1"), "zip: 1 is not allowed; expected true or false"),
        (("search: grid", "search: all"), "'all' is not allowed; expected one of grid, random, tpe"),
        (("eps_clip=0.15", "eps_clip=0"), "eps_clip: 0 is not allowed"),
        (("eps_clip=0.15", "gamma=0.9"), "'gamma=0.9' is not a point"),
        (("eps_clip=0.15", "eps_clip=0.15, gamma=0.9"), "is not a point"),
        (("gamma: 0.99", "gamma: 99"), "learning.gamma: 99 is not allowed"),
        (("env_id: CartPole-v1\n    algorithm", "algorithm"), "no env_id"),
        (("bases:", "base:"), "unknown in a sweep file"),
        (("zip: false", "settings: {}"), "does not go together with bases"),
    ],
)
def test_a_damaged_file_of_a_folder_is_refused_with_its_line(tmp_path, change, message):
    text = dump_spec(spec_of("eps_clip", asked=(Point.of({"eps_clip": 0.15}),)))
    assert change[0] in text
    path = write(tmp_path, text.replace(*change))
    error = refused(lambda: read_spec(path), message)
    assert error.file == str(path)
    assert error.line


def test_a_file_that_a_person_wrote_is_no_file_of_a_folder(tmp_path):
    path = write(tmp_path, "env: CartPole-v1\nparams: {eps_clip: null}\n")
    refused(lambda: read_spec(path), "no file of a sweep folder")
