import os

import pytest

from ppo_cli.config.resolve import load_config
from ppo_cli.config.yaml_file import MAX_BYTES, plain_scalar
from ppo_cli.errors import UsageError

ENV = "env_id: CartPole-v1\n"
WORDS = "on off yes no y 010 0o10 0x10 1:30 2026-01-01 1__0 _1 1_ 1e e4 . inf nan tRue None 1,5 ٣"


def load(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(path)


def refusal(tmp_path, text):
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E+4", 1e4),
        ("1e6", 1e6),
        ("2.5e-4", 2.5e-4),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0", 0),
        ("+7", 7),
        ("100_000", 100_000),
        ("1_0.5_0", 10.50),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
    ],
)
def test_plain_words_that_are_values(text, value):
    result = plain_scalar(text)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    "text",
    [*WORDS.split(), "1" * 65],
)
def test_plain_words_that_stay_words(text):
    assert plain_scalar(text) == text


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "1e400", "-1e999"])
def test_numbers_that_are_not_finite_are_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"finite|large"):
        plain_scalar(text)
    assert refusal(tmp_path, f"{ENV}gamma: {text}").line == 2


def test_numbers_in_all_spellings_reach_the_config(tmp_path):
    config = load(
        tmp_path, ENV + "total_timesteps: 1e6\nlearning:\n  learning_rate: 1e-4\n  reward_scale: 1_0\n"
    )
    assert config.total_timesteps == 1_000_000
    assert type(config.total_timesteps) is int
    assert config.learning.learning_rate == 1e-4
    assert config.learning.reward_scale == 10.0


def test_settings_may_stand_in_sections_or_at_the_top(tmp_path):
    in_section = load(tmp_path, ENV + "learning:\n  gamma: 0.5\n")
    at_the_top = load(tmp_path, ENV + "gamma: 0.5\n")
    assert in_section == at_the_top
    assert in_section.learning.gamma == 0.5


def test_a_section_with_nothing_in_it_is_ignored(tmp_path):
    assert load(tmp_path, ENV + "learning:\n  # gamma: 0.5\n") == load(tmp_path, ENV)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    assert load(tmp_path, b"\xef\xbb\xbfenv_id: CartPole-v1\r\ngamma: 0.5\r\n").learning.gamma == 0.5


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("gamma: 1.5", "2:8: learning.gamma", "1.5 is not allowed; expected number >= 0 and <= 1"),
        ("learning:\n  eps_clip: big", "3:13: learning.eps_clip", "'big' is not allowed"),
        ("learning:\n  num_epochs: 1.5", "3:15: learning.num_epochs", "1.5 is not allowed"),
        ("learning:\n  num_epochs: true", "3:15: learning.num_epochs", "true is not allowed"),
        ("learning:\n  gamma: true", "3:10: learning.gamma", "true is not allowed"),
        ("learning:\n  gamma:", "3:9: learning.gamma", "null is not allowed"),
        ("learning:\n  gamma: '0.5'", "3:10: learning.gamma", "'0.5' is not allowed"),
        ("learning: 3", "2:11: learning", "3 is not allowed; learning is a section"),
        ("learning: [gamma]", "2:11: learning", "is a section"),
        ("network: {hidden_sizes: [64, 0]}", "2:30: network.hidden_sizes", "0 is not allowed"),
        ("network: {hidden_sizes: []}", "2:25: network.hidden_sizes", "[] is not allowed"),
        ("network: {activation: gelu}", "2:23: network.activation", "expected one of relu, tanh"),
        ("env_kwargs: {a b: 1}", "2:14: env_kwargs", "'a b' is not a name"),
        (
            "env_kwargs: {a: [99999999999999999999]}",
            "2:17: env_kwargs",
            "is not allowed; expected text, number",
        ),
        ("custom: {x: 1e9}", "2:13: reward_shaping.custom", "expected number >= -1_000_000"),
        ("custom: {distance: 1}", "2:9: reward_shaping.custom.distance", "a setting of its own"),
        ("algorithm: sac", "2:12: algorithm", "expected one of ppo-clip"),
        ("seed: -1", "2:7: seed", "-1 is not allowed"),
        ("seed: 4294967296", "2:7: seed", "4294967296 is not allowed"),
        ("terms: os.system", "2:8: reward_shaping.terms", "expected text"),
        ("clip_range: 0.2", "2:1: clip_range", "unknown setting"),
        ("learning:\n  num_envs: 4", "3:3: learning.num_envs", "unknown setting"),
        ("gamma: 0.5\nlearning: {gamma: 0.6}", "3:12: learning.gamma", "given twice (first on line 2)"),
    ],
)
def test_a_refusal_names_file_line_column_key_value_and_what_is_allowed(tmp_path, text, place, words):
    error = refusal(tmp_path, ENV + text)
    assert error.message.startswith(f"{tmp_path / 'c.yaml'}:{place}: ")
    assert words in error.message
    assert error.file == str(tmp_path / "c.yaml")
    assert error.line == int(place.split(":")[0])
    assert error.key == place.rpartition(": ")[2]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("anneal_lr: on", "write true"),
        ("anneal_lr: 'no'", "write false"),
        ("target_kl: none", "write null"),
        ("activation: rely", "did you mean relu?"),
        ("hidden_sizes: 64", "write a list, [64]"),
        ("gamma: '0.9'", "without quotes"),
        ("gamma: null", "remove the line"),
        ("num_minibatches: 3", "num_minibatches may be 1 or 2 or 4 or 8"),
        ("num_envs: 1\nnum_steps: 7", "num_minibatches may be 1"),
    ],
)
def test_a_refusal_says_what_to_write(tmp_path, text, hint):
    assert hint in refusal(tmp_path, ENV + text).hint


def test_all_wrong_values_are_said_at_once_in_the_order_of_the_file(tmp_path):
    error = refusal(tmp_path, ENV + "num_epochs: x\ngamma: 2\nanneal_lr: 3\n")
    assert [line.split(":")[1] for line in error.message.splitlines()] == ["2", "3", "4"]
    assert error.key == "learning.num_epochs"


def test_a_hundred_wrong_names_give_a_short_message(tmp_path):
    error = refusal(tmp_path, ENV + "\n".join(f"wrong{n}: 1" for n in range(100)))
    assert len(error.message.splitlines()) == 11
    assert error.message.endswith("... and 90 more")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("# only a comment\n", "empty"),
        ("---\n", "empty"),
        ("- env_id", "no settings found"),
        ("CartPole-v1", "no settings found"),
        ("seed: 1", "env_id: missing"),
        ("env_id: a\nenv_id: b", "'env_id' is given twice (first on line 1)"),
        ("learning: {gamma: 0.5, gamma: 0.5}", "'gamma' is given twice"),
        ("env_id: &x a", "anchor &x"),
        ("env_id: *x", "alias *x"),
        ("&x env_id: a", "anchor &x"),
        ("a: &a [x]\nb: [*a, *a]", "anchor &a"),
        ("env_id: !!python/object/apply:os.system [ls]", "tag !!python/object/apply:os.system"),
        ("!!map {env_id: a}", "tag !!map"),
        ("env_id: !x a", "tag !x"),
        ("<<: {env_id: a}", "merge keys"),
        ("[a]: 1", "a name must be a word"),
        ("? {a: 1}\n: 1", "a name must be a word"),
        ("env_id: a\n---\nenv_id: b", "a second document"),
        ("a: " + "[" * 2_000, "nested more than 12 levels deep"),
        ("a: " + "{a: " * 2_000, "nested more than 12 levels deep"),
        ("- " * 10_000, "nested more than 12 levels deep"),
        ("a: [" + "x," * 20_000 + "]", "more than 20000 values"),
        ("a: b: c", "not valid YAML"),
        ("a: [1", "not valid YAML"),
        ("a: 'x", "not valid YAML"),
        ("learning:\n\tgamma: 1", "not valid YAML"),
        ("%YAML 3.0\n---\na: 1", "not valid YAML"),
        ("a: \x00", "character U+0000"),
        ("a: \x1b[31m", "character U+001B"),
        (b"\xff\xfea\x00", "not UTF-8"),
        (b"a: \xed\xa0\x80", "not UTF-8"),
        (bytes(range(256)), "not UTF-8"),
        ("a: " + "x" * MAX_BYTES, "larger than 256 kB"),
        ("env_id: a\nseed: " + "1" * 100_000, "is not allowed"),
    ],
    ids=lambda item: None if isinstance(item, bytes) or len(item) > 40 else item,
)
def test_what_is_not_a_plain_settings_file_is_refused(tmp_path, text, words):
    error = refusal(tmp_path, text)
    assert words in error.message
    assert len(error.message) < 1_000


def test_the_hint_for_tabs_says_spaces(tmp_path):
    assert "spaces" in refusal(tmp_path, "learning:\n\tgamma: 1").hint


def test_control_characters_never_reach_the_terminal(tmp_path):
    error = refusal(tmp_path, ENV + '"\\e[31m\\u202e": 1\ngamma: "\\e[2J"')
    assert error.message.replace("\n", "").isprintable()


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe", "device", "unreadable name", "long name"])
def test_a_path_that_is_no_readable_file_is_refused_without_waiting(tmp_path, kind):
    path = tmp_path / "c.yaml"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = type(path)("/dev/zero")
    elif kind == "unreadable name":
        path = tmp_path / "a\0b"
    elif kind == "long name":
        path = tmp_path / ("x" * 5_000)
    with pytest.raises(UsageError) as caught:
        load_config(path)
    assert caught.value.file == str(path)


def test_the_name_of_a_shipped_file_leads_to_it(tmp_path):
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path / "configs" / "lunarlander.yaml")
    assert "configs/lunarlander.yaml" in caught.value.hint
