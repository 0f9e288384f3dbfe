"""The tuned settings that are shipped: which file is whose, what it holds, and when it applies."""

import pytest
import yaml

from ppo_cli.config import shipped as shipped_module
from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.resolve import load_config, resolve_config
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.shipped import shipped_config_dir, shipped_config_for, shipped_configs
from ppo_cli.config.values import get_value
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
OTHERS = [name for name in ALGORITHMS if name != "ppo-clip"]
TUNED = [(algorithm, env_id) for algorithm in OTHERS for env_id in shipped_configs(algorithm)]


def write(tmp_path, text, name="my.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


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


def test_an_algorithm_with_tuned_settings_has_them_for_the_three_environments_of_its_study():
    assert TUNED
    for algorithm in {algorithm for algorithm, _ in TUNED}:
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
    left_out = {"seed", "compute"}
    assert resolved.config.model_dump(exclude=left_out) == load_config(
        shipped_config_for("CartPole-v1", "grpo")
    ).model_dump(exclude=left_out)
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


def test_tuned_noise_of_gaussians_does_not_stand_in_the_way_of_beta():
    assert load_config(shipped_config_for("Pendulum-v1")).network.log_std_init != 0
    config = resolve_config(env="Pendulum-v1", overrides=["policy=beta"]).config
    assert (config.network.policy, config.network.log_std_init) == ("beta", 0.0)
