import pytest
import yaml

from ppo_cli.config import shipped as shipped_module
from ppo_cli.config.algorithms import ALGORITHMS, users_of
from ppo_cli.config.dump import dump_config, yaml_text
from ppo_cli.config.resolve import load_config, resolve_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import SETTINGS
from ppo_cli.config.shipped import shipped_config_dir, shipped_config_for, shipped_configs
from ppo_cli.config.values import get_value, is_used
from ppo_cli.errors import UsageError

SHIPPED = [
    "CartPole-v1",
    "LunarLander-v3",
    "LunarLanderContinuous-v3",
    "Pendulum-v1",
    "Acrobot-v1",
    "MountainCar-v0",
    "MountainCarContinuous-v0",
    "BipedalWalker-v3",
]
BASE = RunConfig(env_id="CartPole-v1")


def write(tmp_path, text, name="my.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


# shipped files


def test_there_is_a_shipped_file_for_every_promised_environment():
    assert set(SHIPPED) <= set(shipped_configs())


@pytest.mark.parametrize("env_id", SHIPPED)
def test_a_shipped_file_holds_only_what_differs_from_the_defaults(env_id):
    path = shipped_config_for(env_id)
    config = load_config(path)
    default = RunConfig(env_id=env_id)
    for section, content in yaml.safe_load(path.read_text()).items():
        for name in content if isinstance(content, dict) else [section]:
            key = f"{section}.{name}" if isinstance(content, dict) else name
            if key != "env_id":
                assert get_value(config, key) != get_value(default, key), f"{key} is the default"


@pytest.mark.parametrize("env_id", SHIPPED)
def test_the_header_of_a_shipped_file_states_return_and_time(env_id):
    header = [line for line in shipped_config_for(env_id).read_text().splitlines() if line.startswith("#")]
    assert header[0].startswith(f"# {env_id}")
    assert any(line.startswith("# Expected return:") for line in header)
    assert any(line.startswith("# Expected time:") for line in header)


def test_another_version_of_an_environment_gets_its_tuned_settings():
    assert shipped_config_for("LunarLander-v2") == shipped_config_for("LunarLander-v3")
    assert shipped_config_for("lunarlander") == shipped_config_for("LunarLander-v3")
    assert shipped_config_for("LunarLanderContinuous-v2").name == "lunarlander-continuous.yaml"
    assert shipped_config_for("Taxi-v3") is None


def test_shipped_files_are_found_inside_an_installed_package_and_in_a_checkout(tmp_path, monkeypatch):
    package = tmp_path / "ppo_cli"
    monkeypatch.setattr(shipped_module, "_PACKAGE", package)
    with pytest.raises(UsageError, match="missing"):
        shipped_config_dir()
    (tmp_path / "configs").mkdir()
    write(tmp_path / "configs", "", "cartpole.yaml")
    assert shipped_config_dir() == tmp_path / "configs"
    (package / "configs").mkdir(parents=True)
    write(package / "configs", "", "cartpole.yaml")
    assert shipped_config_dir() == package / "configs"


# layers


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


# overrides


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
        ("env_kwargs.a={}", "env_kwargs.a: {} is not allowed"),
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


# dump, load, change


@pytest.mark.parametrize("env_id", SHIPPED)
def test_a_dumped_config_loads_back_equal_with_header_and_comments(tmp_path, env_id):
    config = resolve_config(env=env_id, values={"seed": 3}).config
    comments = {setting.path: setting.help for setting in SETTINGS}
    text = dump_config(config, header="first\nsecond: &x\x1b", comments=comments)
    path = write(tmp_path, text)
    assert load_config(path) == config
    assert resolve_config(config_file=path).config == config
    assert text.startswith("# first\n# second: &x\\x1b\n")
    assert all((f"# {setting.help}\n" in text) == is_used(config, setting) for setting in SETTINGS)


def test_a_dump_names_every_used_setting_and_means_the_same_to_other_yaml_readers():
    config = with_values(
        BASE, {"learning_rate": 1e-05, "env_kwargs": {"a": "on", "b": 1e22, "c": "1e-4", "d": "ü\n\"'"}}
    )
    data = yaml.safe_load(dump_config(config))
    expected = config.model_dump(mode="json")
    for name in ("kl_target", "kl_coef", "returns", "baseline", "group_size", "clip_higher", "reference"):
        del expected["learning"][name]
    for name in ("divide_by_std", "dynamic_sampling", "loss_mean"):
        del expected["learning"][name]
    assert data == expected


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


# algorithms

OTHERS = [name for name in ALGORITHMS if name != "ppo-clip"]
TUNED = [(algorithm, env_id) for algorithm in OTHERS for env_id in shipped_configs(algorithm)]
UNUSED = [
    (algorithm, setting)
    for algorithm in ALGORITHMS
    for setting in SETTINGS
    if algorithm not in users_of(setting.name)
]


def refused(call):
    with pytest.raises(UsageError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("algorithm", "name", "instead"),
    [
        ("ppo-kl", "eps_clip", "it has kl_target"),
        ("ppo-kl", "target_kl", "it has kl_target"),
        ("ppo-kl", "reference", "it has kl_coef"),
        ("ppo-clip", "kl_target", "it has eps_clip, anneal_eps_clip and target_kl"),
        ("ppo-clip", "kl_coef", "it has no KL penalty"),
        ("ppo-clip", "group_size", "it has gae_lambda and normalize_advantages"),
        ("reinforce", "num_epochs", "it takes one pass, which num_minibatches cuts into parts"),
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


def test_each_algorithm_has_tuned_settings_for_the_three_environments_of_its_study():
    for algorithm in OTHERS:
        assert {"CartPole-v1", "LunarLander-v3", "Pendulum-v1"} <= set(shipped_configs(algorithm))


@pytest.mark.parametrize(("algorithm", "env_id"), TUNED)
def test_a_file_of_another_algorithm_is_complete_and_holds_only_what_differs(algorithm, env_id):
    path = shipped_config_for(env_id, algorithm)
    config = load_config(path)
    assert (config.algorithm, config.env_id) == (algorithm, env_id)
    assert path.parent.name == algorithm and path.name == shipped_config_for(env_id).name
    for section, content in yaml.safe_load(path.read_text()).items():
        for name in content if isinstance(content, dict) else []:
            key = f"{section}.{name}"
            assert get_value(config, key) != get_value(BASE, key), f"{key} is the default"
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert header[0].startswith(f"# {env_id} by {algorithm}")
    assert any(line.startswith("# Expected return:") for line in header)
    assert any(line.startswith("# Expected time:") for line in header)


@pytest.mark.parametrize(
    "given",
    [
        {"overrides": ["algorithm=grpo"]},
        {"values": {"algorithm": "grpo"}},
        {"config": "env_id: Acrobot-v1\nalgorithm: grpo\n"},
        {"config": "env_id: Acrobot-v1\nalgorithm: reinforce\n", "values": {"algorithm": "grpo"}},
    ],
)
def test_the_tuned_settings_are_those_of_the_algorithm_whoever_names_it(tmp_path, given):
    file = {"config_file": write(tmp_path, given.pop("config"))} if "config" in given else {}
    resolved = resolve_config(env="CartPole-v1", **file, **given)
    assert resolved.config.model_dump(exclude={"seed"}) == load_config(
        shipped_config_for("CartPole-v1", "grpo")
    ).model_dump(exclude={"seed"})
    assert resolved.origins["rollout.num_steps"].startswith("configs/grpo/cartpole.yaml:")
    assert not any("no tuned" in notice for notice in resolved.notices)


def test_without_tuned_settings_of_its_own_an_algorithm_gets_those_that_apply():
    resolved = resolve_config(env="MountainCar-v0", overrides=["algorithm=reinforce"])
    assert resolved.notices == [
        "no tuned settings for reinforce on MountainCar-v0; using those of ppo-clip where they apply"
    ]
    tuned = load_config(shipped_config_for("MountainCar-v0"))
    assert resolved.config.learning.learning_rate == tuned.learning.learning_rate
    assert resolved.config.reward_shaping == tuned.reward_shaping
    assert resolved.config.learning.num_epochs == BASE.learning.num_epochs != tuned.learning.num_epochs
    assert resolve_config(env="Taxi-v3", values={"algorithm": "grpo"}).notices == [
        "no tuned settings for Taxi-v3; using the defaults"
    ]


def test_what_the_user_gave_is_known_with_its_place(tmp_path):
    path = write(tmp_path, "env_id: CartPole-v1\nnum_steps: 64\n")
    given = resolve_config(env="CartPole-v1", config_file=path, values={"seed": 3}).given
    assert given["rollout.num_steps"].name_origin.line == 2 and given["seed"].name_origin.label == "--seed"
    assert "learning.learning_rate" not in given  # that is of the tuned file


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_dump_leaves_out_what_the_algorithm_does_not_use_and_loads_back(tmp_path, algorithm):
    config = resolve_config(env="Pendulum-v1", values={"algorithm": algorithm}).config
    text = dump_config(config)
    specific = {name for facts in ALGORITHMS.values() for name in facts.settings}
    assert set(yaml.safe_load(text)["learning"]) & specific == set(ALGORITHMS[algorithm].settings)
    assert load_config(write(tmp_path, text)) == config


def test_a_run_of_the_time_before_the_family_still_loads(tmp_path):
    old = "\n".join(
        f"{name}: {value}"
        for name, value in {
            "env_id": "CartPole-v1", "algorithm": "ppo-clip", "num_epochs": 20, "num_minibatches": 1,
            "learning_rate": "1.0e-03", "anneal_lr": "true", "gamma": 0.98, "gae_lambda": 0.9,
            "eps_clip": 0.2, "anneal_eps_clip": "true", "eps_clip_vf": "null", "ent_coef": 0.0,
            "vf_coef": 0.5, "max_grad_norm": 0.5, "target_kl": "null", "normalize_advantages": "true",
            "reward_scale": 1.0, "log_std_init": 0.0,
        }.items()
    )  # fmt: skip
    config = load_config(write(tmp_path, old))
    assert config.learning.gae_lambda == 0.9 and config.learning.critic_learning_rate is None


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


def test_tuned_noise_of_gaussians_does_not_stand_in_the_way_of_beta():
    assert load_config(shipped_config_for("Pendulum-v1")).network.log_std_init != 0
    config = resolve_config(env="Pendulum-v1", overrides=["policy=beta"]).config
    assert (config.network.policy, config.network.log_std_init) == ("beta", 0.0)


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
