"""Settings put together from files, overrides and options: which layer wins, and what is refused."""

import pytest

from ppo_cli.config.resolve import resolve_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import SETTINGS
from ppo_cli.config.values import get_value
from ppo_cli.errors import UsageError

BASE = RunConfig(env_id="CartPole-v1")


def write(tmp_path, text, name="my.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_later_layers_win_and_every_origin_is_known(tmp_path):
    path = write(
        tmp_path, "env_id: LunarLander-v3\nlearning:\n  gamma: 0.5\n  eps_clip: 0.3\n  ent_coef: 0.5\n"
    )
    resolved = resolve_config(
        env="LunarLander-v3",
        config_file=path,
        overrides=["eps_clip=0.4", "ent_coef=0.1", "ent_coef=0.2"],
        values={"seed": 7, "ent_coef": 0.3},
    )
    config, origins = resolved.config, resolved.origins
    assert (config.learning.gamma, config.learning.eps_clip, config.learning.ent_coef) == (0.5, 0.4, 0.3)
    assert config.rollout.num_envs == 64  # from the tuned file
    assert config.seed == 7
    assert origins["learning.gamma"] == f"{path}:3"
    assert origins["learning.eps_clip"] == "--set"
    assert origins["learning.ent_coef"] == "--ent-coef"
    assert origins["seed"] == "--seed"
    assert origins["rollout.num_envs"].startswith("configs/lunarlander.yaml:")
    assert origins["learning.vf_coef"] == "default"
    assert set(origins) == {setting.path for setting in SETTINGS}
    assert resolved.notices == []


def test_a_file_alone_does_not_take_the_tuned_settings(tmp_path):
    resolved = resolve_config(config_file=write(tmp_path, "env_id: LunarLander-v3"))
    assert resolved.config == RunConfig(env_id="LunarLander-v3")


def test_the_environment_of_the_command_line_replaces_that_of_the_file_and_says_so(tmp_path):
    path = write(tmp_path, "env_id: Pendulum-v1")
    resolved = resolve_config(env="CartPole-v1", config_file=path)
    assert resolved.config.env_id == "CartPole-v1"
    assert resolved.notices == [f"--env CartPole-v1 replaces 'Pendulum-v1' of {path}:1"]


def test_the_environment_keeps_the_name_that_was_typed():
    assert resolve_config(env="LunarLander-v2").config.env_id == "LunarLander-v2"


def test_an_environment_without_tuned_settings_gets_the_defaults_and_a_notice():
    resolved = resolve_config(env="Taxi-v3")
    assert resolved.config == RunConfig(env_id="Taxi-v3")
    assert resolved.notices == ["no tuned settings for Taxi-v3; using the defaults"]


def test_no_environment_at_all_is_refused_with_a_way_out():
    with pytest.raises(UsageError) as caught:
        resolve_config(overrides=["gamma=0.5"])
    assert caught.value.key == "env_id"
    assert "--env" in caught.value.hint


def test_an_override_may_name_the_environment():
    assert resolve_config(overrides=["env_id=CartPole-v1"]).config == BASE


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("eps_clip=0.3", "learning.eps_clip", 0.3),
        ("learning.eps_clip = 0.3", "learning.eps_clip", 0.3),
        ("learning_rate=1e-4", "learning.learning_rate", 1e-4),
        ("total_timesteps=1e6", "total_timesteps", 1_000_000),
        ("num_steps=1_024", "rollout.num_steps", 1024),
        ("anneal_lr=false", "learning.anneal_lr", False),
        ("target_kl=null", "learning.target_kl", None),
        ("hidden_sizes=[32, 16]", "network.hidden_sizes", (32, 16)),
        ("hidden_sizes=32,16", "network.hidden_sizes", (32, 16)),
        ("hidden_sizes=32", "network.hidden_sizes", (32,)),
        ("mode=off", "reward_shaping.mode", "off"),
        ("terms=my.mod:fn", "reward_shaping.terms", "my.mod:fn"),
        ("env_kwargs.enable_wind=true", "env_kwargs", {"enable_wind": True}),
        ("env_kwargs={a: 1, b: x}", "env_kwargs", {"a": 1, "b": "x"}),
        ("custom.bonus=-2", "reward_shaping.custom", {"bonus": -2.0}),
    ],
)
def test_an_override_sets_one_setting(text, path, value):
    config = resolve_config(overrides=["env_id=CartPole-v1", text]).config
    assert get_value(config, path) == value
    name = path.rpartition(".")[2]
    assert with_values(config, {name: get_value(BASE, path)}) == BASE


def test_names_inside_a_mapping_add_to_it():
    overrides = ["env_kwargs={a: 1}", "env_kwargs.b=2", "env_kwargs.a=3"]
    assert resolve_config(env="CartPole-v1", overrides=overrides).config.env_kwargs == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("eps_clip", "not of the form NAME=VALUE"),
        ("=3", "not of the form NAME=VALUE"),
        ("", "not of the form NAME=VALUE"),
        ("eps_clip=", "learning.eps_clip: has no value"),
        ("eps_clip=-1", "learning.eps_clip: -1 is not allowed; expected number > 0"),
        ("eps_clip=[", "learning.eps_clip: not valid YAML"),
        ("eps_clip=&a 1", "learning.eps_clip: anchor &a"),
        ("eps_clip=.inf", "learning.eps_clip: .inf is not a finite number"),
        ("hidden_sizes=a,b", "network.hidden_sizes: 'a' is not allowed"),
        ("env_kwargs.a b=1", "env_kwargs.a b: 'a b' is not a name"),
        ("env_kwargs.a=[[[[[[[[[[1]]]]]]]]]]", "is not allowed; expected text, number"),
        ("learning=1", "learning: unknown setting"),
        ("gamma=\ud800", "U+D800"),
        ("gamma=" + "1" * 20_000, "longer than"),
    ],
)
def test_a_wrong_override_is_refused_in_one_line(text, words):
    with pytest.raises(UsageError) as caught:
        resolve_config(env="CartPole-v1", overrides=[text])
    assert caught.value.message.startswith("--set: ")
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


def test_settings_that_disagree_point_to_the_one_given_last():
    with pytest.raises(UsageError) as caught:
        resolve_config(env="LunarLander-v3", overrides=["num_envs=3", "num_steps=5"])
    assert caught.value.message.startswith("--set: learning.num_minibatches: 8 does not cut")
    assert "3 * 5 = 15" in caught.value.message
    assert caught.value.hint == "num_minibatches may be 1 or 3 or 5"


def test_a_tuned_value_that_an_override_makes_wrong_is_blamed_on_the_override():
    with pytest.raises(UsageError) as caught:  # the tuned file gives num_envs first and num_minibatches later
        resolve_config(env="BipedalWalker-v3", overrides=["num_envs=3", "num_steps=7"])
    assert caught.value.message.startswith("--set: learning.num_minibatches: 16 does not cut")
    assert caught.value.file is None


def test_a_batch_too_large_for_memory_is_refused():
    with pytest.raises(UsageError, match="more than 4194304 transitions"):
        resolve_config(env="CartPole-v1", overrides=["num_envs=65536", "num_steps=65536"])


def test_with_values_changes_a_copy():
    config = with_values(BASE, {"seed": 5, "learning.eps_clip": 0.4, "hidden_sizes": (8,), "env_kwargs.x": 1})
    assert (config.seed, config.learning.eps_clip) == (5, 0.4)
    assert config.network.hidden_sizes == (8,)
    assert config.env_kwargs == {"x": 1}
    assert RunConfig(env_id="CartPole-v1") == BASE
    assert with_values(config, {"env_kwargs.y": 2}).env_kwargs == {"x": 1, "y": 2}
    assert config.env_kwargs == {"x": 1}


@pytest.mark.parametrize(
    "values",
    [
        {"nope": 1},
        {"seed": -1},
        {"gamma": float("nan")},
        {"seed": 10**6_000},
        {"seed": object()},
        {"gamma": "0.5"},
    ],
    ids=["name", "range", "nan", "huge", "object", "text"],
)
def test_with_values_refuses_what_is_wrong(values):
    with pytest.raises(UsageError) as caught:
        with_values(BASE, values)
    assert caught.value.key.rpartition(".")[2] == next(iter(values))
    assert len(caught.value.message) < 300


def test_what_the_user_gave_is_known_with_its_place(tmp_path):
    path = write(tmp_path, "env_id: CartPole-v1\nnum_steps: 64\n")
    given = resolve_config(env="CartPole-v1", config_file=path, values={"seed": 3}).given
    assert given["rollout.num_steps"].name_origin.line == 2 and given["seed"].name_origin.label == "--seed"
    assert "learning.learning_rate" not in given  # that is of the tuned file
