"""What a sweep trains: points, settings of every run, files, consent; and what it is refused for."""

import sys
from dataclasses import replace
from pathlib import Path

import gymnasium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppo_cli.config.resolve import resolve_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.shipped import shipped_config_dir
from ppo_cli.config.values import get_value
from ppo_cli.errors import UsageError
from ppo_cli.sweep import opening
from ppo_cli.sweep.spec.consent import agree_to_spec, imports_of_spec
from ppo_cli.sweep.spec.make_spec import make_spec
from ppo_cli.sweep.spec.params import Param, parse_param
from ppo_cli.sweep.spec.points import Point
from ppo_cli.sweep.spec.spec import SweepSpec
from ppo_cli.sweep.spec.spec_file import dump_spec, read_spec

CARTPOLE = RunConfig(env_id="CartPole-v1")


def spec_of(*texts, base=CARTPOLE, **fields):
    return SweepSpec((base,), base.env_id, tuple(map(parse_param, texts)), **fields)


def write(tmp_path, text, name="my.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(call, message, hint=None):
    with pytest.raises(UsageError) as caught:
        call()
    assert message in caught.value.message
    assert caught.value.hint is None or caught.value.hint
    assert hint is None or hint in caught.value.hint
    return caught.value


# points and runs


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


def test_a_point_whose_settings_do_not_go_together_is_named():
    spec = spec_of("num_steps=32,33", "num_minibatches=4,32")
    error = refused(spec.check, "at num_steps = 33, num_minibatches = 32: ", "num_minibatches may be")
    assert error.key == "learning.num_minibatches"
    spec_of("num_steps=32,64", "num_minibatches=4,32").check()


def test_the_default_point_has_the_values_of_the_base():
    assert spec_of("eps_clip=0.1,0.2", "gamma=0.9,0.99").default_point == Point.of(
        {"eps_clip": 0.2, "gamma": 0.99}
    )
    assert spec_of("eps_clip=0.1,0.3").default_point is None
    assert spec_of("custom.upright=0,1").default_point == Point.of({"custom.upright": 0.0})


# what is refused


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
    refused(spec_of(*texts, **fields).check, message, hint)


def test_a_weight_may_be_swept_together_with_its_mode():
    spec_of("distance=0,50", "mode=off,add", base=with_values(CARTPOLE, {"env_id": "LunarLander-v3"})).check()


def test_a_grid_of_a_million_points_is_refused_at_once():
    spec = spec_of("eps_clip=0.1..0.4:1000", "gamma=0.9..0.99:1000")
    refused(
        spec.check, "a grid of 1,000,000 points × 5 seeds is 5,000,000 runs; most is 10,000 runs", "fewer"
    )


def test_more_values_than_the_file_of_a_sweep_can_hold_are_refused():
    values = ",".join(str(1 + index / 10_000) for index in range(3_001))
    refused(spec_of(f"ent_coef={values}", num_seeds=1).check, "3,001 values", "range")


def test_seeds_beyond_the_largest_are_refused():
    base = with_values(CARTPOLE, {"seed": 2**32 - 8})
    spec_of("eps_clip", base=base, num_seeds=5, confirm=3).check()
    refused(spec_of("eps_clip", base=base, num_seeds=6, confirm=3).check, "go beyond 4,294,967,295", "lower")


def test_points_need_a_final_evaluation_to_be_compared_by():
    base = with_values(CARTPOLE, {"final_eval_episodes": 0})
    refused(spec_of("eps_clip", base=base).check, "evaluation.final_eval_episodes: is 0", "=100")


# sharing a folder


def test_more_values_seeds_and_confirmation_may_share_a_folder():
    spec = spec_of("eps_clip=0.1,0.2", "gamma=0.9")
    base = with_values(CARTPOLE, {"seed": 7, "eps_clip": 0.4, "num_threads": 4, "tensorboard": True})
    other = spec_of("gamma=0.99", "eps_clip=0.3", base=base, num_seeds=9, confirm=0, zipped=True, prune=True)
    assert spec.key == other.key
    assert spec.disagreements(other) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ent_coef": 0.5}, "learning.ent_coef of CartPole-v1 is 0.0 here and 0.5 there"),
        ({"total_timesteps": 5}, "total_timesteps of CartPole-v1 is 100000 here and 5 there"),
        ({"eval_episodes": 7}, "evaluation.eval_episodes of CartPole-v1 is 20 here and 7 there"),
        ({"env_kwargs.b": 1}, "env_kwargs of CartPole-v1 is {} here and {'b': 1} there"),
        ({"env_id": "Pendulum-v1"}, "env_id is CartPole-v1 here and Pendulum-v1 there"),
    ],
)
def test_other_settings_may_not_share_a_folder(values, words):
    spec = spec_of("eps_clip", "env_kwargs.a=1,2")
    other = spec_of("eps_clip", "env_kwargs.a=1,2", base=with_values(CARTPOLE, values))
    assert spec.key != other.key
    assert spec.disagreements(other) == [words]


def test_other_swept_settings_or_another_search_may_not_share_a_folder():
    spec = spec_of("eps_clip")
    assert spec.disagreements(spec_of("gamma"))[0] == "swept is eps_clip here and gamma there"
    other = spec_of("eps_clip=0.1..0.2", search="random", trials=3)
    assert spec.disagreements(other) == ["search is grid here and random there"]
    assert spec.key != other.key


def test_an_environment_may_be_added_where_environments_are_swept():
    one, _ = make_spec(params=["env_id=CartPole-v1,Acrobot-v1"])
    more, _ = make_spec(params=["env_id=CartPole-v1,Acrobot-v1,Pendulum-v1"])
    other, _ = make_spec(params=["env_id=CartPole-v1,Pendulum-v1"], overrides=["ent_coef=0.5"])
    assert one.disagreements(more) == more.disagreements(one) == []
    assert other.disagreements(one) == ["learning.ent_coef of CartPole-v1 is 0.5 here and 0.0 there"]


# the file of a sweep folder

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
    deadline=None,
)
@given(specs())
def test_a_sweep_survives_being_written_and_read(tmp_path, spec):
    again = read_spec(write(tmp_path, dump_spec(spec)))
    assert again == spec
    assert repr(again) == repr(spec)  # the same types too


def test_a_sweep_over_environments_survives_being_written_and_read(tmp_path):
    spec, _ = make_spec(params=["env_id=LunarLander-v2,CartPole-v1", "eps_clip"])
    assert read_spec(write(tmp_path, dump_spec(spec))) == spec
    assert spec.requested("LunarLander-v3") == "LunarLander-v2"


def test_the_largest_search_can_be_read_back(tmp_path):
    texts = [
        f"{name}=0.0123456789..0.9" for name in ("eps_clip", "gamma", "gae_lambda", "vf_coef", "ent_coef")
    ]
    value = 0.12345678901234567
    names = [text.partition("=")[0] for text in texts]
    asked = tuple(Point.of(dict.fromkeys(names, value + index / 1e6)) for index in range(600))
    spec = spec_of(*texts, search="random", trials=600, asked=asked)
    spec.check()
    assert read_spec(write(tmp_path, dump_spec(spec))) == spec


def test_a_later_tuned_file_does_not_change_the_sweep_of_a_folder(tmp_path, monkeypatch):
    spec, _ = make_spec(env="CartPole-v1", params=["eps_clip"])
    path = write(tmp_path, dump_spec(spec), "sweep.yaml")
    monkeypatch.setattr("ppo_cli.config.resolve.shipped_config_for", lambda *of: pytest.fail("read"))
    assert read_spec(path) == spec
    assert make_spec(sweep_file=path) == (spec, ())


def test_options_go_on_top_of_the_file_of_a_folder(tmp_path):
    spec, _ = make_spec(env="LunarLander-v2", params=["eps_clip=0.1,0.2"], num_seeds=2)
    path = write(tmp_path, dump_spec(spec), "sweep.yaml")
    more, _ = make_spec(sweep_file=path, params=["eps_clip=0.3"], num_seeds=4, overrides=["gamma=0.5"])
    assert (more.params[0].values, more.num_seeds, more.base.learning.gamma) == ((0.3,), 4, 0.5)
    assert more.requested("LunarLander-v3") == "LunarLander-v2"
    refused(lambda: make_spec(sweep_file=path, env="CartPole-v1"), "settings of its own", "--env")
    refused(lambda: make_spec(sweep_file=path, params=["env_id=CartPole-v1"]), "for LunarLander-v3 only")


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


# files that a person writes


def test_a_file_takes_the_tuned_settings_and_its_own_on_top(tmp_path):
    path = write(
        tmp_path,
        """
env: LunarLander-v2
settings:
  total_timesteps: 50_000
  learning:
    gamma: 0.5
params:
  eps_clip: [0.1, 0.2]
  learning_rate: 1e-4..1e-2:log:3
  gae_lambda: null
zip: false
seeds: 2
first_seed: 30
confirm: 0
""",
    )
    spec, notices = make_spec(sweep_file=path)
    assert spec.base.env_id == "LunarLander-v3"
    assert spec.base.rollout.num_envs == 64  # tuned
    assert (spec.base.total_timesteps, spec.base.learning.gamma) == (50_000, 0.5)
    assert [param.text for param in spec.params] == [
        "eps_clip=0.1,0.2",
        "learning_rate=0.0001..0.01:log:3",
        "gae_lambda=0.8,0.9,0.95,0.98,1.0",
    ]
    assert (list(spec.seeds), spec.confirm, spec.env_requested) == ([30, 31], 0, "LunarLander-v2")
    assert len(notices) == 1
    assert "running LunarLander-v3" in notices[0]


def test_the_options_say_the_same_as_a_file(tmp_path):
    path = write(
        tmp_path,
        "env: CartPole-v1\nsettings: {gamma: 0.5}\nparams: {eps_clip: 0.1..0.4}\n"
        "search: tpe\ntrials: 9\nprune: true\nseeds: 2\nconfirm: 1\n",
    )
    options, _ = make_spec(
        env="CartPole-v1",
        overrides=["gamma=0.5"],
        params=["eps_clip=0.1..0.4"],
        search="tpe",
        trials=9,
        prune=True,
        num_seeds=2,
        confirm=1,
    )
    assert make_spec(sweep_file=path)[0] == options


def test_options_win_over_the_file(tmp_path):
    path = write(
        tmp_path,
        "env: LunarLander-v3\nsettings: {gamma: 0.5}\nparams: {eps_clip: 0.1..0.2, vf_coef: [0.5, 1]}\n"
        "search: random\ntrials: 5\nseeds: 2\nfirst_seed: 3\n",
    )
    spec, _ = make_spec(
        sweep_file=path,
        env="CartPole-v1",
        overrides=["gamma=0.6"],
        values={"seed": 9},
        params=["eps_clip=0.3,0.4", "gae_lambda=0.9"],
        search="grid",
        num_seeds=4,
    )
    assert spec.base.env_id == "CartPole-v1"
    assert spec.base.rollout.num_steps == 32  # tuned for CartPole
    assert spec.base.learning.gamma == 0.6
    assert list(spec.seeds) == [9, 10, 11, 12]
    assert [param.text for param in spec.params] == [
        "eps_clip=0.3,0.4",
        "vf_coef=0.5,1.0",
        "gae_lambda=0.9",
    ]
    assert spec.trials is None


def test_another_file_can_be_the_base_and_is_looked_for_beside_the_sweep_file(tmp_path, monkeypatch):
    folder = tmp_path / "sweeps"
    folder.mkdir()
    write(folder, "env_id: CartPole-v1\ngamma: 0.7\nent_coef: 0.1\n", "base.yaml")
    path = write(folder, "config: base.yaml\nsettings: {ent_coef: 0.2}\nparams: {eps_clip: null}\n")
    monkeypatch.chdir(tmp_path)
    spec, _ = make_spec(sweep_file=path)
    assert (spec.base.learning.gamma, spec.base.learning.ent_coef) == (0.7, 0.2)
    assert spec.base.rollout.num_steps == 128  # a file alone does not take the tuned settings


def test_each_swept_environment_has_its_own_tuned_settings():
    spec, notices = make_spec(
        params=["env_id=LunarLander-v2,CartPole-v1", "gamma=0.9,0.99"], overrides=["seed=4"]
    )
    assert list(spec.env_ids) == ["LunarLander-v3", "CartPole-v1"]
    assert [spec.config(point, 4).rollout.num_envs for point in spec.points()] == [64, 64, 8, 8]
    assert [spec.config(point, 4).env_id for point in spec.points()][::2] == ["LunarLander-v3", "CartPole-v1"]
    assert len(notices) == 1
    assert spec.default_point is None


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("env: CartPole-v1\nparam: {}\n", 2, "param: unknown in a sweep file", "did you mean params?"),
        ("env: CartPole-v1\neps_clip: 0.1\n", 2, "eps_clip: unknown in a sweep file", "below `settings:`"),
        ("env: CartPole-v1\nsettings:\n  lr: 1\n", 3, "lr: unknown setting", "learning_rate"),
        ("env: CartPole-v1\nsettings:\n  gamma: 9\n", 3, "9 is not allowed", None),
        ("env: CartPole-v1\nsettings: {seed: 3}\n", 2, "seed: does not belong here", "first_seed"),
        ("settings: {env_id: CartPole-v1}\n", 1, "env_id: does not belong here", "env:"),
        ("env: CartPole-v1\nsettings: 3\n", 2, "3 is not allowed", None),
        ("env: CartPole-v1\nparams: [eps_clip]\n", 2, "is not allowed", None),
        ("env: CartPole-v1\nparams:\n  eps_clp: null\n", 3, "eps_clp: unknown setting", "eps_clip"),
        ("env: CartPole-v1\nparams:\n  eps_clip: [0.1, 900]\n", 3, "900 is not allowed", None),
        ("env: CartPole-v1\nparams:\n  eps_clip: []\n", 3, "has no values", "eps_clip=0.1"),
        ("env: A\nparams:\n  gamma: 0.9\n  learning.gamma: 0.8\n", 4, "is given twice", "one of the two"),
        ("env: CartPole-v1\nconfig: x.yaml\n", 2, "does not go together with env", "one of the two"),
        ("env: 3\n", 1, "env: 3 is not allowed", None),
        ("env: CartPole-v1\nfirst_seed: -1\nparams: {eps_clip: null}", 2, "-1 is not allowed", None),
        ("env: CartPole-v1\ntrials: 1e9\n", 2, "1000000000.0 is not allowed", None),
        ("env: CartPole-v1\nconfirm: true\n", 2, "true is not allowed", None),
        ("- a\n", None, "no sweep found", "params"),
        ("", None, "no sweep found", "params"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path, text, line, message, hint):
    path = write(tmp_path, text)
    error = refused(lambda: make_spec(sweep_file=path), message, hint)
    assert error.file == str(path)
    assert line is None or error.line == line


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"params": ["eps_clip"]}, "no environment given", "--env"),
        ({"env": "CartPole-v1"}, "no setting is swept", "--param"),
        (
            {"env": "CartPol-v1", "params": ["eps_clip"]},
            "there is no environment 'CartPol-v1'",
            "CartPole-v1",
        ),
        ({"env": "CartPole-v1", "params": ["eps_clip", "learning.eps_clip=1"]}, "given twice", "at once"),
        ({"env": "CartPole-v1", "params": ["env_id=Acrobot-v1"]}, "env_id is swept", "leave it out"),
        ({"params": ["env_id=LunarLander-v2,LunarLander-v3"]}, "LunarLander-v3 is given twice", "one of"),
        (
            {"params": ["env_id=CartPole-v1,Acrobot-v1"], "search": "random", "trials": 1},
            "cannot be compared",
            "grid",
        ),
    ],
)
def test_wrong_options_are_refused(options, message, hint):
    refused(lambda: make_spec(**options), message, hint)


# consent


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of the user's, which tells whether it was imported, and a name for it."""
    name = "users_module_of_a_sweep"
    source = "import gymnasium\ngymnasium.register('Mine-v0', 'gymnasium.envs.classic_control:CartPoleEnv')\n"
    write(tmp_path, source + "def terms(obs):\n    return {'up': obs[..., 2]}\n", f"{name}.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("ppo_cli.envs.user_code._agreed", set())
    yield name
    sys.modules.pop(name, None)
    gymnasium.registry.pop("Mine-v0", None)


@pytest.mark.parametrize(
    "text",
    [
        "env: MODULE:Mine-v0\nparams: {eps_clip: null}\n",
        "params: {env_id: ['MODULE:Mine-v0', CartPole-v1]}\n",
        "env: CartPole-v1\nsettings: {terms: 'MODULE:terms', mode: log}\nparams: {eps_clip: null}\n",
        "env: CartPole-v1\nsettings: {mode: log}\nparams: {terms: [null, 'MODULE:terms']}\n",
        "config: base.yaml\nparams: {eps_clip: null}\n",
    ],
)
def test_a_file_imports_a_module_only_with_consent(tmp_path, module, text):
    write(tmp_path, f"env_id: {module}:Mine-v0\n", "base.yaml")
    path = write(tmp_path, text.replace("MODULE", module))
    refused(lambda: make_spec(sweep_file=path), "would import", "--allow-import")
    assert module not in sys.modules
    spec, _ = make_spec(sweep_file=path, allow_import=True)
    assert module in sys.modules
    assert any(module in line for line in imports_of_spec(spec))


def test_the_file_of_a_folder_imports_nothing_when_it_is_read(tmp_path, module):
    spec, _ = make_spec(env=f"{module}:Mine-v0", params=["eps_clip"])
    path = write(tmp_path, dump_spec(spec), "sweep.yaml")
    sys.modules.pop(module)
    again = read_spec(path)
    assert module not in sys.modules
    assert again == spec
    assert imports_of_spec(again) == [f"env_id: {module}:Mine-v0"]


def test_a_sweep_of_a_folder_is_trained_only_with_consent(module):
    base = with_values(CARTPOLE, {"mode": "log"})
    spec = spec_of(f"terms=null,{module}:terms", base=base)
    refused(lambda: agree_to_spec(spec, allow_import=False), "would import", "--allow-import")
    assert module not in sys.modules
    agree_to_spec(spec, allow_import=True)
    assert module in sys.modules


@pytest.mark.parametrize(
    "options",
    [
        {"env": "MODULE:Mine-v0"},
        {"params": ["env_id=MODULE:Mine-v0"]},
        {"overrides": ["env_id=MODULE:Mine-v0"]},
        {"env": "CartPole-v1", "overrides": ["terms=MODULE:terms", "mode=log"]},
        {"env": "CartPole-v1", "params": ["terms=null,MODULE:terms"], "overrides": ["mode=log"]},
    ],
)
def test_to_type_a_module_is_to_consent(module, options):
    def filled(value):
        texts = value if isinstance(value, list) else [value]
        return [text.replace("MODULE", module) for text in texts]

    options = {name: filled(value) if name != "env" else filled(value)[0] for name, value in options.items()}
    make_spec(**{**options, "params": [*options.get("params", []), "eps_clip"]})
    assert module in sys.modules


# the shipped sweeps

SHIPPED = sorted((shipped_config_dir() / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_sweep_can_be_trained_and_asks_a_question(path):
    spec, notices = make_spec(sweep_file=path)
    assert notices == ()
    assert spec.num_points * spec.num_seeds >= 20
    header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert "?" in " ".join(header)


def test_the_shipped_sweeps_are_those_of_the_documentation():
    points = {path.stem: make_spec(sweep_file=path)[0] for path in SHIPPED}
    clip = points["eps-clip-lunarlander"]
    assert [point.text for point in clip.points()] == [
        f"eps_clip = {value}" for value in (0.1, 0.2, 0.3, 0.4)
    ]
    distance = points["distance-lunarlander"]
    assert get_value(distance.base, "reward_shaping.mode") == "potential"
    assert distance.params[0].values == (0.0, 50.0, 100.0, 200.0)
    assert {param.name for param in points["learning-rate-cartpole"].params} == {"learning_rate", "eps_clip"}
    assert points["learning-rate-cartpole"].search == "random"


def test_making_and_reading_a_sweep_does_not_load_torch():
    import subprocess

    code = "import sys; from ppo_cli.sweep.spec import make_spec, spec_file\n"
    code += "print('torch' in sys.modules)"
    folder = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder
    )
    assert done.stdout.strip() == "False"


def test_a_spec_is_not_changed_by_what_it_gives():
    spec = spec_of("eps_clip=0.1,0.2")
    before = replace(spec)
    spec.points(), spec.check(), spec.config(spec.points()[0], 1)
    assert spec == before


# algorithms


def test_each_swept_algorithm_has_its_own_tuned_settings():
    spec, notices = make_spec(env="CartPole-v1", params=["algorithm"])
    assert notices == ()
    labels = [point.label for point in spec.points()]
    assert labels == [f"algorithm={name}" for name in ("ppo-clip", "ppo-kl", "reinforce", "grpo")]
    for point in spec.points():
        (algorithm,) = dict(point.values).values()
        alone = resolve_config(env="CartPole-v1", values={"algorithm": algorithm, "seed": 3}).config
        assert spec.config(point, 3) == alone
    assert spec.env_ids == ("CartPole-v1",)
    assert spec.default_point == Point.of({"algorithm": "ppo-clip"})
    assert opening.default_name(spec) == "CartPole-v1-algorithm"


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
    spec, _ = make_spec(env="Pendulum-v1", **options)
    assert len(spec.bases) == 2
    path = write(tmp_path, dump_spec(spec))
    assert read_spec(path) == spec
    again, _ = make_spec(sweep_file=path)
    assert (again.bases, again.points()) == (spec.bases, spec.points())


def test_environments_and_algorithms_combine_each_pair_with_its_tuned_settings():
    spec, _ = make_spec(params=["env_id=LunarLander-v2,CartPole-v1", "algorithm=ppo-clip,grpo"])
    assert [(base.env_id, base.algorithm, base.rollout.num_envs) for base in spec.bases] == [
        ("LunarLander-v3", "ppo-clip", 64),
        ("LunarLander-v3", "grpo", 16),
        ("CartPole-v1", "ppo-clip", 8),
        ("CartPole-v1", "grpo", 8),
    ]
    assert spec.env_requested == "LunarLander-v2,CartPole-v1"
    assert spec.requested("LunarLander-v3") == "LunarLander-v2"
    assert [spec.config(point, 1).rollout.num_envs for point in spec.points()] == [64, 16, 8, 8]
    assert [spec.config(point, 1).rollout.num_steps for point in spec.points()] == [128, 2000, 32, 1000]


def test_a_file_sweeps_algorithms_too(tmp_path):
    path = write(tmp_path, "env: CartPole-v1\nparams:\n  algorithm: [ppo-clip, grpo]\n")
    spec, _ = make_spec(sweep_file=path)
    assert [base.rollout.num_steps for base in spec.bases] == [32, 1000]
    one = write(tmp_path, "env: CartPole-v1\nsettings: {algorithm: grpo}\nparams: {group_size: [4, 8]}\n")
    spec, _ = make_spec(sweep_file=one)
    assert (spec.base.algorithm, spec.base.rollout.num_steps) == ("grpo", 1000)


@pytest.mark.parametrize(
    ("text", "options", "message", "hint"),
    [
        ("", {"params": ["algorithm", "eps_clip"]}, "eps_clip is not used by ppo-kl", "ppo-clip,grpo"),
        ("", {"params": ["algorithm=ppo-clip,grpo", "gae_lambda"]}, "gae_lambda is not used by grpo", None),
        ("", {"params": ["kl_target"]}, "kl_target is not used by ppo-clip", "ppo-kl"),
        ("", {"params": ["algorithm"], "overrides": ["eps_clip=0.2"]}, "--set: learning.eps_clip", "leave"),
        ("eps_clip: 0.2", {"params": ["algorithm"]}, ":3:", "leave it out"),
    ],
)
def test_a_setting_that_one_of_the_algorithms_does_not_use_is_refused(tmp_path, text, options, message, hint):
    path = write(tmp_path, f"env: CartPole-v1\nsettings:\n  {text}\n")
    refused(lambda: make_spec(sweep_file=path, **options), message, hint)


def test_what_does_not_go_with_a_swept_algorithm_or_policy_is_blamed_on_the_sweep():
    sizes = {"params": ["algorithm"], "overrides": ["num_envs=12"]}
    error = refused(lambda: make_spec(env="CartPole-v1", **sizes), "groups of 8 do not divide num_envs = 12")
    assert error.message.startswith("--param: learning.group_size: ")
    bent = {"params": ["policy"], "overrides": ["squash=true"]}
    error = refused(lambda: make_spec(env="Pendulum-v1", **bent), "squash is not used by the beta policy")
    assert error.message.startswith("--param: network.squash: ")


def test_a_search_over_algorithms_refuses_it_too():
    options = {"params": ["algorithm", "eps_clip=0.1..0.3"], "search": "random", "trials": 3}
    refused(lambda: make_spec(env="CartPole-v1", **options), "eps_clip is not used by ppo-kl")


def test_algorithms_may_be_added_to_a_sweep_of_them(tmp_path):
    one, _ = make_spec(env="CartPole-v1", params=["algorithm=ppo-clip,grpo"])
    folder, _, _ = opening.open_sweep(one, tmp_path, None)
    more, _ = make_spec(env="CartPole-v1", params=["algorithm=ppo-kl"])
    again, merged, _ = opening.open_sweep(more, tmp_path, None)
    assert again.path == folder.path
    assert [dict(point.values)["algorithm"] for point in merged.points()] == ["ppo-clip", "grpo", "ppo-kl"]
    assert {base.algorithm for base in merged.bases} == {"ppo-clip", "grpo", "ppo-kl"}
    assert [merged.config(point, 1).algorithm for point in merged.points()] == ["ppo-clip", "grpo", "ppo-kl"]
    other, _ = make_spec(env="CartPole-v1", params=["algorithm=grpo"], overrides=["ent_coef=0.5"])
    words = "learning.ent_coef of CartPole-v1 grpo is 0.0 here and 0.5 there"
    assert one.disagreements(other) == [words]
    refused(lambda: make_spec(sweep_file=folder.spec_path, params=["algorithm=ppo-kl"]), "ppo-clip and grpo")


def test_a_pair_that_an_extension_leaves_without_settings_is_refused_by_name(tmp_path):
    both = "env_id=CartPole-v1,Pendulum-v1"
    opening.open_sweep(make_spec(params=[both, "algorithm=ppo-clip"])[0], tmp_path, "s")
    more, _ = make_spec(params=["env_id=CartPole-v1", "algorithm=ppo-clip,ppo-kl"])
    refused(lambda: opening.open_sweep(more, tmp_path, "s"), "no settings for Pendulum-v1 and ppo-kl")


def test_rollouts_become_as_long_as_an_episode_may_be():
    spec, notices = make_spec(env="Acrobot-v1", params=["algorithm=ppo-clip,reinforce"])
    assert [base.rollout.num_steps for base in spec.bases] == [128, 500]
    assert notices == (
        "no tuned settings for reinforce on Acrobot-v1; using those of ppo-clip where they apply",
        "num_steps is 500, the longest episode of Acrobot-v1: reinforce learns from whole episodes",
    )
    settings = {"env": "Acrobot-v1", "params": ["algorithm=ppo-clip,reinforce"]}
    spec, _ = make_spec(**settings, overrides=["env_kwargs.max_episode_steps=200"])
    assert [base.rollout.num_steps for base in spec.bases] == [128, 200]


def test_rollouts_shorter_than_an_episode_are_refused_in_a_sweep_too():
    settings = {"env": "CartPole-v1", "values": {"algorithm": "grpo"}}
    message = "an episode of CartPole-v1 takes up to 500 steps; grpo learns from whole episodes"
    hint = "set num_steps to 500 or more"
    refused(lambda: make_spec(**settings, params=["gamma"], overrides=["num_steps=64"]), message, hint)
    error = refused(lambda: make_spec(**settings, params=["num_steps=500,64"]), message, hint)
    assert error.message.startswith("at num_steps = 64: ")
    limits = ["env_kwargs.max_episode_steps=100,900"]
    refused(lambda: make_spec(**settings, params=limits, overrides=["num_steps=500"]), "up to 900 steps")


def test_tuned_noise_of_gaussians_does_not_stand_in_the_way_of_a_sweep_of_policies():
    spec, _ = make_spec(env="Pendulum-v1", params=["policy"])
    assert [(base.network.policy, base.network.log_std_init) for base in spec.bases] == [
        ("gaussian", 0.5),
        ("beta", 0.0),
    ]
    assert spec.default_point == Point.of({"policy": "gaussian"})
