"""Settings that an algorithm or a policy does not use, and what has to go together."""

import pytest

from ppo_cli.config.algorithms import ALGORITHMS, users_of
from ppo_cli.config.dump import dump_config, yaml_text
from ppo_cli.config.resolve import load_config, resolve_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import SETTINGS
from ppo_cli.config.values import get_value
from ppo_cli.errors import UsageError

BASE = RunConfig(env_id="CartPole-v1")
UNUSED = [
    (algorithm, setting)
    for algorithm in ALGORITHMS
    for setting in SETTINGS
    if algorithm not in users_of(setting.name)
]


def write(tmp_path, text, name="my.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(call):
    with pytest.raises(UsageError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("algorithm", "name", "instead"),
    [
        ("ppo-kl", "eps_clip", "it has kl_target"),
        ("ppo-kl", "target_kl", "it has kl_target"),
        ("ppo-clip", "kl_target", "it has eps_clip, anneal_eps_clip and target_kl"),
        ("ppo-clip", "kl_coef", "it has no KL penalty"),
        ("ppo-clip", "group_size", "it has gae_lambda and normalize_advantages"),
        ("reinforce", "num_epochs", "it takes one pass over what it collected"),
        ("reinforce", "eps_clip", "it has nothing that limits an update"),
        ("reinforce", "gae_lambda", "it has returns, baseline and normalize_advantages"),
        ("grpo", "vf_coef", "it has no value network"),
        ("grpo", "critic_learning_rate", "it has no value network"),
    ],
)
def test_a_setting_of_another_algorithm_is_refused_with_what_there_is_instead(algorithm, name, instead):
    value = get_value(BASE, f"learning.{name}")  # its default: what is mentioned is meant
    overrides = [f"algorithm={algorithm}", f"{name}={value if value is not None else 'null'}"]
    error = refused(lambda: resolve_config(env="CartPole-v1", overrides=overrides))
    assert error.message == f"--set: learning.{name}: {name} is not used by {algorithm}; {instead}"
    assert error.hint.startswith("leave it out; ") and name in error.hint
    assert error.key == f"learning.{name}"


@pytest.mark.parametrize(("algorithm", "setting"), UNUSED, ids=lambda item: getattr(item, "name", item))
def test_every_unused_setting_is_refused_wherever_it_comes_from(tmp_path, algorithm, setting):
    text = f"algorithm: {algorithm}\n{setting.name}: {yaml_text(setting.default)}\n"
    path = write(tmp_path, f"env_id: CartPole-v1\n{text}")
    words = f"{setting.name} is not used by {algorithm}; it "
    for call in (
        lambda: load_config(path),
        lambda: resolve_config(config_file=path),
        lambda: resolve_config(env="CartPole-v1", config_file=path),
    ):
        error = refused(call)
        assert words in error.message
        assert (error.file, error.line) == (str(path), 3)
    config = with_values(BASE, {"algorithm": algorithm})
    assert words in refused(lambda: with_values(config, {setting.name: setting.default})).message


def test_an_unused_value_is_refused_where_only_the_algorithm_changes():
    config = with_values(BASE, {"eps_clip": 0.3})
    assert with_values(BASE, {"algorithm": "ppo-kl"}).learning.eps_clip == 0.2  # nobody asked for that
    error = refused(lambda: with_values(config, {"algorithm": "ppo-kl"}))
    assert error.message == "settings: learning.eps_clip: eps_clip is not used by ppo-kl; it has kl_target"


def test_unused_and_wrong_settings_are_told_together(tmp_path):
    path = write(tmp_path, "env_id: CartPole-v1\nalgorithm: ppo-kl\neps_clip: 9000\ngamma: 7\ntarget_kl: 1\n")
    error = refused(lambda: load_config(path))
    keys = [line.split(": ")[1] for line in error.message.splitlines()]
    assert keys == ["learning.eps_clip", "learning.gamma", "learning.target_kl"]


@pytest.mark.parametrize("value", ["[grpo]", "{a: 1}", "7", "null", "ppo"])
def test_what_is_no_algorithm_is_refused_as_such(value):
    error = refused(lambda: resolve_config(env="CartPole-v1", overrides=[f"algorithm={value}"]))
    assert "algorithm: " in error.message and "is not allowed" in error.message


def test_groups_must_divide_the_environments():
    many = ["algorithm=grpo", "num_envs=32", "group_size=12"]
    error = refused(lambda: resolve_config(env="CartPole-v1", overrides=many))
    assert error.message == "--set: learning.group_size: groups of 12 do not divide num_envs = 32"
    assert error.hint == "num_envs may be 24 or 36, or group_size 2 or 4 or 8 or 16 or 32"
    error = refused(lambda: resolve_config(env="CartPole-v1", overrides=["num_envs=4", "algorithm=grpo"]))
    assert error.hint == "num_envs may be 8, or group_size 2 or 4"
    assert with_values(BASE, {"num_envs": 1}).rollout.num_envs == 1  # ppo-clip has no groups


@pytest.mark.parametrize("values", [{"squash": True}, {"log_std_init": -1.0}])
def test_beta_has_no_settings_of_gaussians(tmp_path, values):
    (name,) = values
    error = refused(lambda: with_values(BASE, {"policy": "beta", **values}))
    assert f"{name} is not used by the beta policy" in error.message
    config = with_values(BASE, {"policy": "beta"})
    assert name not in dump_config(config) and load_config(write(tmp_path, dump_config(config))) == config


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("policy=lstm", "recurrent policies are out of scope"),
        ("policy=MlpLstmPolicy", "recurrent policies are out of scope"),
        ("policy=CnnPolicy", "image policies are out of scope"),
        ("policy=MlpPolicy", "hidden_sizes and activation"),
        ("policy=gaussain", "did you mean gaussian?"),
        ("lstm_hidden_size=64", "recurrent policies are out of scope"),
        ("n_lstm_layers=1", "recurrent policies are out of scope"),
        ("recurrent=true", "recurrent policies are out of scope"),
        ("features_extractor_class=x", "image policies are out of scope"),
        ("network.cnn=true", "image policies are out of scope"),
        ("frame_stack=4", "FrameStackObservation"),
    ],
)
def test_recurrent_and_image_policies_are_refused_in_words(override, words):
    error = refused(lambda: resolve_config(env="CartPole-v1", overrides=[override]))
    assert words in error.hint
