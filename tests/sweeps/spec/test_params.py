"""What ``--param`` says: values, ranges and standard grids; and what it is refused for."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppo_cli.config.names import find as find_setting
from ppo_cli.config.node import located
from ppo_cli.config.problems import Origin
from ppo_cli.config.settings import SETTINGS
from ppo_cli.errors import UsageError
from ppo_cli.sweeps.spec.params import Param, param_of, parse_param
from ppo_cli.sweeps.spec.spacing import spaced

FILE = Origin("my.yaml", "my.yaml", 3, 5)


def refusal(text):
    with pytest.raises(UsageError) as caught:
        parse_param(text)
    assert caught.value.hint is None or caught.value.hint
    return caught.value


# values


@pytest.mark.parametrize(
    ("text", "path", "values"),
    [
        ("eps_clip=0.1,0.2", "learning.eps_clip", (0.1, 0.2)),
        ("learning.eps_clip = 0.1 , 0.2", "learning.eps_clip", (0.1, 0.2)),
        ("learning_rate=1,1e-4", "learning.learning_rate", (1.0, 0.0001)),
        ("total_timesteps=1e5,200_000", "total_timesteps", (100_000, 200_000)),
        ("target_kl=null,0.01", "learning.target_kl", (None, 0.01)),
        ("anneal_lr=true,false", "learning.anneal_lr", (True, False)),
        ("activation=relu,tanh", "network.activation", ("relu", "tanh")),
        ("hidden_sizes=64x64,128x128x32", "network.hidden_sizes", ((64, 64), (128, 128, 32))),
        ("hidden_sizes=[64, 64],[128,128]", "network.hidden_sizes", ((64, 64), (128, 128))),
        ("hidden_sizes=64,128", "network.hidden_sizes", ((64,), (128,))),
        ("reward_shaping.distance=0,50", "reward_shaping.distance", (0.0, 50.0)),
        ("custom.upright=-1,1", "reward_shaping.custom.upright", (-1.0, 1.0)),
        ("env_kwargs.gravity=-10,-1.5", "env_kwargs.gravity", (-10, -1.5)),
        ("env_kwargs.name=\"a, b\",'c..d',../e", "env_kwargs.name", ("a, b", "c..d", "../e")),
        ("env_id=CartPole-v1,m:Maze-v0", "env_id", ("CartPole-v1", "m:Maze-v0")),
    ],
)
def test_a_list_of_values_has_the_types_of_the_setting(text, path, values):
    param = parse_param(text)
    assert (param.path, param.values, param.is_range) == (path, values, False)
    assert [type(value) for value in param.values] == [type(value) for value in values]
    assert param.grid() == values


def test_the_short_name_is_the_leaf_or_the_place_in_a_mapping():
    assert parse_param("learning.eps_clip=0.1").name == "eps_clip"
    assert parse_param("reward_shaping.custom.upright=1").name == "custom.upright"
    assert parse_param("env_kwargs.gravity=1").name == "env_kwargs.gravity"


@pytest.mark.parametrize(
    "setting", [setting for setting in SETTINGS if setting.grid], ids=lambda setting: setting.name
)
def test_a_name_alone_takes_its_standard_grid_and_every_value_of_it_is_allowed(setting):
    param = parse_param(setting.name)
    assert param.values == setting.grid
    assert parse_param(param.text) == param


def test_minus_zero_is_zero():
    (value,) = parse_param("ent_coef=-0.0").values
    assert math.copysign(1, value) == 1


# ranges


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("eps_clip=0.1..0.4:4", (0.1, 0.2, 0.3, 0.4)),
        ("learning_rate=1e-4..1e-2:log:3", (0.0001, 0.001, 0.01)),
        ("learning_rate=1e-4..1e-2:3:log", (0.0001, 0.001, 0.01)),
        ("num_steps=32..512:log:5", (32, 64, 128, 256, 512)),
        ("num_epochs=1..4:9", (1, 2, 3, 4)),
        ("target_kl = 0.01 .. 0.03 : 3", (0.01, 0.02, 0.03)),
        ("log_std_init=-2..-1:3", (-2.0, -1.5, -1.0)),
        ("env_kwargs.gravity=-12..-8:3", (-12, -10, -8)),
        ("env_kwargs.gravity=-12..-8.0:3", (-12.0, -10.0, -8.0)),
    ],
)
def test_a_range_with_a_count_gives_a_grid(text, grid):
    param = parse_param(text)
    assert param.is_range
    assert param.grid() == grid
    assert [type(value) for value in param.grid()] == [type(value) for value in grid]
    assert parse_param(param.text) == param


def test_the_ends_of_a_range_have_the_type_of_the_setting():
    assert type(parse_param("learning_rate=1..2").low) is float
    assert type(parse_param("num_steps=32..1e3").high) is int


def test_a_range_without_a_count_is_no_grid_and_says_what_to_do():
    param = parse_param("learning_rate=1e-4..1e-2:log")
    assert (param.low, param.high, param.log, param.count) == (0.0001, 0.01, True, None)
    with pytest.raises(UsageError, match=r"learning_rate=0.0001..0.01:log is a range") as caught:
        param.grid()
    assert "learning_rate=0.0001..0.01:log:5" in caught.value.hint


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE, FINITE, st.integers(2, 60), st.booleans())
def test_spaced_values_rise_from_end_to_end(a, b, count, log):
    low, high = sorted((abs(a), abs(b)) if log else (a, b))
    if low == high or (log and low == 0):
        return
    values = spaced(low, high, count, log=log)
    assert (values[0], values[-1]) == (low, high)
    assert 2 <= len(values) <= count
    assert all(before < after for before, after in pairwise(values))


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.integers(2, 60), st.booleans())
def test_spaced_whole_numbers_stay_whole(a, b, count, log):
    low, high = sorted((a, b))
    if low < high:
        values = spaced(low, high, count, log=log)
        assert (values[0], values[-1]) == (low, high)
        assert sorted(set(values)) == list(values)
        assert all(type(value) is int for value in values)


# text and back

NUMBERS = st.floats(1e-12, 1e3)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | FINITE | TEXTS
SIZES = st.lists(st.integers(1, 256), min_size=1, max_size=8).map(tuple)


def distinct(values):
    return st.lists(values, min_size=1, max_size=6, unique=True).map(tuple)


LISTED = st.one_of(
    st.builds(Param, st.just("learning.learning_rate"), st.just("learning_rate"), distinct(NUMBERS)),
    st.builds(Param, st.just("network.hidden_sizes"), st.just("hidden_sizes"), distinct(SIZES)),
    st.builds(Param, st.just("env_kwargs.x"), st.just("env_kwargs.x"), distinct(SCALARS)),
    st.builds(Param, st.just("learning.eps_clip_vf"), st.just("eps_clip_vf"), distinct(st.none() | NUMBERS)),
)


@given(LISTED)
def test_a_list_survives_being_written_and_read(param):
    again = parse_param(param.text)
    assert (again.path, again.name) == (param.path, param.name)
    assert [(type(value), value) for value in again.values] == [
        (type(value), value) for value in param.values
    ]


@given(NUMBERS, NUMBERS, st.booleans(), st.none() | st.integers(2, 10_000))
def test_a_range_survives_being_written_and_read(a, b, log, count):
    low, high = sorted((a, b))
    if low < high:
        param = Param("learning.learning_rate", "learning_rate", (), low, high, log, count)
        assert parse_param(param.text) == param


@given(
    st.text(max_size=60) | st.text("=,.[]{}:\"'0123456789eps_clip log", max_size=40).map("eps_clip=".__add__)
)
def test_a_text_of_any_shape_is_taken_or_refused(text):
    try:
        param = parse_param(text)
    except UsageError as error:
        assert error.exit_code == 2
        assert error.message.replace("\n", "").isprintable()
    else:
        assert parse_param(param.text) == param


# refusals


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("eps_clp", "unknown setting", "did you mean eps_clip?"),
        ("clip_range=0.1", "unknown setting", "did you mean eps_clip?"),
        ("", "no setting is named", "--param"),
        ("eps_clip=", "has no values", "eps_clip=0.1,0.2,0.3,0.4"),
        ("eps_clip=0.1,,0.2", "is empty", None),
        ("eps_clip=0.1,0.10", "0.1 is given twice", "one of the two"),
        ("env_kwargs.x=1,1.0", "1.0 is given twice", "one of the two"),
        ("hidden_sizes=64,64", "64 is given twice", "hidden_sizes=64x64"),
        ("eps_clip=0.1,200", "200 is not allowed; expected number > 0 and <= 100", None),
        ("eps_clip=0.1,none", "'none' is not allowed", None),
        ("num_steps=0.5", "0.5 is not allowed", None),
        ("algorithm=ppo", "'ppo' is not allowed", "ppo-clip"),
        ("hidden_sizes=64x0", "0 is not allowed", None),
        ("seed=1,2", "cannot be swept", "--seeds"),
        ("tensorboard=true,false", "does not change results", "--set"),
        ("env_workers=0,1", "does not change results", "--set"),
        ("num_evals=1,2", "judged differently", "--set"),
        ("env_kwargs={a: 1}", "is a mapping", "env_kwargs.NAME"),
        ("custom.x", "has no standard grid", "custom.x=V1,V2"),
        ("env_id", "has no standard grid", "env_id=V1,V2"),
        ("custom.distance=1", "is a setting of its own", "reward_shaping.distance"),
        ("env_kwargs.a b=1", "'a b' is not a name", None),
        (f"env_kwargs.x={'a' * 101}", "longer than 100 characters", None),
        ("activation=relu..tanh", "is a range, and activation is one of relu, tanh", "activation=relu,tanh"),
        ("anneal_lr=0..1", "is a range, and anneal_lr is true or false", "anneal_lr=false,true"),
        ("gamma=0.9..", "not a range of numbers", "LOW..HIGH"),
        ("eps_clip=0.4..0.1", "is an empty range", "0.1..0.4"),
        ("eps_clip=0.1..0.1:2", "is an empty range", "0.1..0.4"),
        ("eps_clip=0..1", "0 is not allowed", None),
        ("ent_coef=0..1:log", "equal factors", "above 0"),
        ("eps_clip=0.1..0.4:1", "a count of 1", "2 to 10,000"),
        ("eps_clip=0.1..0.4:10001", "a count of 10001", "2 to 10,000"),
        ("eps_clip=0.1..0.4:lin", "something else behind it", ":log"),
        ("eps_clip=0.1..0.4:log:log", "something else behind it", ":log"),
        ("eps_clip=0.1..0.4:3:4", "something else behind it", ":log"),
        ("x" * 100_001, "longer than", None),
    ],
)
def test_a_wrong_text_is_refused_with_what_to_do(text, message, hint):
    error = refusal(text)
    assert message in error.message
    assert hint is None or hint in error.hint


def test_a_value_is_checked_by_itself_not_against_other_defaults():
    assert parse_param("num_minibatches=3,7").values == (3, 7)  # 3 does not cut the default batch
    assert parse_param("num_steps=1000000").values == (1_000_000,)


def test_the_refusal_names_the_full_path():
    assert refusal("eps_clip=200").key == "learning.eps_clip"


# from a file


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([0.1, 0.2], "eps_clip=0.1,0.2"),
        (0.1, "eps_clip=0.1"),
        ("0.1,0.2", "eps_clip=0.1,0.2"),
        ("0.1..0.4:4", "eps_clip=0.1..0.4:4"),
        (None, "eps_clip"),
    ],
)
def test_a_file_says_the_same_as_the_option(value, text):
    assert param_of("eps_clip", located(value, FILE), FILE) == parse_param(text)


def test_layers_in_a_file_are_lists_or_texts():
    node = located([[64, 64], "128x128", 32], FILE)
    assert param_of("hidden_sizes", node, FILE).values == ((64, 64), (128, 128), (32,))


def test_a_wrong_value_in_a_file_is_shown_with_its_line():
    with pytest.raises(UsageError, match=r"my.yaml:3:5: learning.eps_clip: 200 is not allowed") as caught:
        param_of("eps_clip", located([0.1, 200], FILE), FILE)
    assert (caught.value.file, caught.value.line) == ("my.yaml", 3)


def test_an_empty_list_in_a_file_is_refused():
    with pytest.raises(UsageError, match="has no values"):
        param_of("eps_clip", located([], FILE), FILE)


def test_every_setting_can_be_swept_or_says_why_not():
    for setting in SETTINGS:
        try:
            parse_param(setting.name)
        except UsageError as error:
            assert error.hint, setting.path
            assert error.key == find_setting(setting.name).path
