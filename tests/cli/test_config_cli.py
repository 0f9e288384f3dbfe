"""``ppo envs`` and ``ppo config``: what there is, and what it means."""

from __future__ import annotations

from pathlib import Path

from helpers.cli_runner import inside

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.shipped import shipped_configs


def test_envs_lists_tuned_environments_with_their_spaces(tmp_path: Path) -> None:
    document = inside("envs", "--json", cwd=tmp_path).json
    envs = {env["env_id"]: env for env in document["envs"]}
    assert envs["CartPole-v1"]["observation"] == 4 and envs["CartPole-v1"]["actions"] == "2 choices"
    assert envs["CartPole-v1"]["reward_threshold"] == 475 and envs["CartPole-v1"]["total_timesteps"] > 0
    assert len(envs) == 8
    for env_id, env in envs.items():
        assert env["algorithms"] == [name for name in ALGORITHMS if env_id in shipped_configs(name)]
    assert envs["BipedalWalker-v3"]["algorithms"][0] == "ppo-clip"


def test_config_prints_settings_that_load_back(tmp_path: Path) -> None:
    from ppo_cli.config.algorithms import users_of
    from ppo_cli.config.settings import SETTINGS

    result = inside("config", "--env", "LunarLander-v2", "--set", "eps_clip=0.3", cwd=tmp_path)
    assert result.code == 0 and "LunarLander-v3" in result.stderr
    (tmp_path / "mine.yaml").write_text(result.stdout)
    again = inside("config", "--config", "mine.yaml", cwd=tmp_path)
    assert again.stdout == result.stdout and "eps_clip: 0.3" in result.stdout
    for text in (result.stdout, inside("config", cwd=tmp_path).stdout):
        used = [setting for setting in SETTINGS if "ppo-clip" in users_of(setting.name)]
        assert all(f"# {setting.help}\n" in text for setting in used), "every key is explained"


def test_config_as_json_tells_where_each_value_comes_from(tmp_path: Path) -> None:
    document = inside("config", "--env", "CartPole-v1", "--set", "gamma=0.5", "--json", cwd=tmp_path).json
    assert document["config"]["learning"]["gamma"] == 0.5
    assert document["origins"]["learning.gamma"] == "--set"
    assert document["origins"]["learning.vf_coef"] == "default"


def test_config_explains_every_setting(tmp_path: Path) -> None:
    from ppo_cli.config.settings import SETTINGS

    text = inside("config", "--explain", cwd=tmp_path).stdout
    assert all(setting.path in text for setting in SETTINGS)
    document = inside("config", "--explain", "--json", cwd=tmp_path).json
    assert [entry["path"] for entry in document["settings"]] == [setting.path for setting in SETTINGS]
    assert all(entry["help"] and "default" in entry and "allowed" in entry for entry in document["settings"])


def test_the_defaults_load(tmp_path: Path) -> None:
    defaults = inside("config", "--defaults", cwd=tmp_path).stdout
    (tmp_path / "defaults.yaml").write_text(defaults)
    assert inside("config", "--config", "defaults.yaml", cwd=tmp_path).code == 0
