"""Whatever a file or an override holds, the answer is a config or one clear refusal, soon."""

import string
import time
from pathlib import Path

import pytest
import yaml
from helpers.hostile_files import NASTY, SEEDS, answer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ppo_cli.config.algorithms import ALGORITHMS, users_of
from ppo_cli.config.dump import dump_config
from ppo_cli.config.resolve import load_config, resolve_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import SECTIONS, SETTINGS

QUICK = settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def mutated_files(draw):
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["insert", "delete", "byte", "repeat"]))
        if kind == "insert":
            data[at:at] = draw(st.sampled_from(NASTY))
        elif kind == "delete":
            del data[at : at + draw(st.integers(1, 40))]
        elif kind == "byte" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif kind == "repeat":
            data[at:at] = data[at : at + 30] * draw(st.integers(1, 20))
    return bytes(data)


def check_file(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    config = answer(lambda: load_config(path))
    if config is not None:
        path.write_text(dump_config(config), encoding="utf-8")
        assert load_config(path) == config


@QUICK
@given(mutated_files())
def test_a_mutated_file_is_read_or_refused(tmp_path, data):
    check_file(tmp_path / "c.yaml", data)


@QUICK
@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_noise_is_read_or_refused(tmp_path, data):
    check_file(tmp_path / "c.yaml", data)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["on", "relu", "m:f", 1e308, 10**30, -0.0]),
)
NAMES = st.one_of(
    st.sampled_from([setting.name for setting in SETTINGS]),
    st.sampled_from([setting.path for setting in SETTINGS]),
    st.sampled_from([*SECTIONS, "lr", "env_kwargs.x", "custom.y", "custom.distance", ".", "a.b.c"]),
    st.text(max_size=12),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@QUICK
@example({"custom": True, "custom.y": None})
@given(st.dictionaries(NAMES, TREES, max_size=5))
def test_python_values_of_any_shape_are_taken_or_refused(values):
    config = answer(lambda: with_values(RunConfig(env_id="a"), values))
    assert config is None or isinstance(config, RunConfig)


@QUICK
@given(
    st.lists(st.tuples(NAMES, TREES.map(repr) | st.text(max_size=30)).map("=".join) | st.text(), max_size=4)
)
def test_overrides_of_any_shape_are_taken_or_refused(overrides):
    answer(lambda: resolve_config(env="CartPole-v1", overrides=overrides))


@QUICK
@given(st.text(max_size=40))
def test_an_environment_name_of_any_shape_is_taken_or_refused(name):
    answer(lambda: resolve_config(env=name))


FLOATS = st.floats(min_value=1e-300, max_value=100.0)
ARGUMENTS = st.dictionaries(
    st.text(string.ascii_letters, min_size=1, max_size=8),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    ),
    max_size=4,
)


@QUICK
@given(FLOATS, ARGUMENTS, st.lists(st.integers(1, 700), min_size=1, max_size=8))
def test_every_valid_config_survives_being_written_and_read(tmp_path, number, arguments, sizes):
    values = {"eps_clip": number, "eps_clip_vf": number, "env_kwargs": arguments, "hidden_sizes": sizes}
    config = with_values(RunConfig(env_id="m:a/B-v0"), values)
    path = tmp_path / "c.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    loaded = load_config(path)
    assert loaded == config
    assert [type(value) for value in loaded.env_kwargs.values()] == [
        type(value) for value in arguments.values()
    ]


@st.composite
def valid_settings(draw):
    """An algorithm, with values from their grids for some of the settings that it uses."""
    algorithm = draw(st.sampled_from(list(ALGORITHMS)))
    usable = [one for one in SETTINGS if one.grid and algorithm in users_of(one.name)]
    usable = [one for one in usable if one.name not in ("algorithm", "num_envs", "group_size", "policy")]
    chosen = draw(st.lists(st.sampled_from(usable), unique_by=lambda one: one.name, max_size=8))
    return {"algorithm": algorithm, **{one.name: draw(st.sampled_from(one.grid)) for one in chosen}}


@QUICK
@given(valid_settings())
def test_a_config_of_any_algorithm_survives_being_written_and_read(tmp_path, values):
    config = with_values(RunConfig(env_id="a"), values)
    path = tmp_path / "c.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_config(path) == config
    assert resolve_config(config_file=path).config == config


@QUICK
@given(st.sampled_from(list(ALGORITHMS)), st.sampled_from(SETTINGS), st.data())
def test_a_setting_is_taken_by_those_who_use_it_and_by_no_others(algorithm, setting, data):
    value = data.draw(st.sampled_from(setting.grid or (setting.default,)))
    values = {"num_envs": 32, "algorithm": algorithm} | {setting.name: value}
    taken = answer(lambda: with_values(RunConfig(env_id="a"), values)) is not None
    in_groups = algorithm != "grpo" or setting.name != "num_envs" or value % 8 == 0
    assert taken == (algorithm in users_of(setting.name) and in_groups)


@pytest.fixture(scope="module")
def ordinary():
    """How long this machine takes to read an ordinary file of a tenth of the length."""
    text = "".join(f"k{n}: {n}\n" for n in range(3_000))
    return seconds_of_the_processor(lambda: yaml.safe_load(text))


def seconds_of_the_processor(work):
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 100_000,
        "[" * 200_000,
        "{a: " * 60_000,
        "- " * 130_000,
        "? " * 130_000,
        "a: " + "x " * 130_000,
        "a: '" + "''" * 120_000,
        'a: "' + "\\x41" * 60_000 + '"',
        "#" * 260_000,
        "\n" * 260_000,
        "a: |\n" + " x\n" * 80_000,
        "".join(f"k{n}: {n}\n" for n in range(20_000)),
        "x" * 250_000 + ": 1",
        "&" + "a" * 250_000,
        "!" + "a" * 250_000 + " b",
        "!<" + "%41" * 80_000 + "> b",
        "%TAG !a! b\n" * 20_000,
        "a: " + "9" * 250_000,
        "a: " + "1_" * 120_000,
        "a: " + "*a " * 80_000,
        "env_id: " + "é" * 100_000,
    ],
    ids=lambda text: text[:8],
)
def test_a_file_made_to_be_slow_is_refused_soon(tmp_path, text, ordinary):
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    answers = []
    taken = seconds_of_the_processor(lambda: answers.append(answer(lambda: load_config(path))))
    assert answers == [None]
    assert taken < 100 * ordinary  # measured: at most 5
