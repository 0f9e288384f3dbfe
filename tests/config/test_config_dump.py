"""Configs as YAML text that loads back."""

import pytest
import yaml

from ppo_cli.config.algorithms import ALGORITHMS, users_of
from ppo_cli.config.dump import dump_config
from ppo_cli.config.resolve import load_config, resolve_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import SETTINGS
from ppo_cli.config.shipped import shipped_configs
from ppo_cli.config.values import is_used

BASE = RunConfig(env_id="CartPole-v1")


def write(tmp_path, text, name="my.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("env_id", shipped_configs())
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
    unused = [name for name in expected["learning"] if config.algorithm not in users_of(name)]
    assert unused
    for name in unused:
        del expected["learning"][name]
    assert data == expected


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
