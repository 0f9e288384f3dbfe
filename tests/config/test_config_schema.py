import subprocess
import sys

import pytest
from pydantic import ValidationError

from ppo_cli.config.algorithms import ALGORITHMS, ROLES, users_of
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig, minibatch_choices
from ppo_cli.config.sections import SHAPING_TERMS
from ppo_cli.config.settings import SECTIONS, SETTINGS
from ppo_cli.errors import UsageError


def test_leaf_names_are_unique_and_no_section_is_called_like_a_setting():
    names = [setting.name for setting in SETTINGS]
    assert len(set(names)) == len(names)
    assert not set(names) & set(SECTIONS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.path)
def test_every_setting_is_explained_in_one_line(setting):
    assert setting.help.endswith(".")
    assert "\n" not in setting.help
    assert len(setting.help) <= 110
    assert setting.expected


@pytest.mark.parametrize(
    ("setting", "value"),
    [(setting, value) for setting in SETTINGS for value in setting.grid],
    ids=lambda item: getattr(item, "name", str(item)),
)
def test_every_grid_value_is_allowed(setting, value):
    algorithm = {} if setting.name == "algorithm" else {"algorithm": users_of(setting.name)[0]}
    envs = {"num_envs": 32} if setting.name == "group_size" else {}
    config = with_values(RunConfig(env_id="CartPole-v1"), {**algorithm, **envs, setting.name: value})
    section = getattr(config, setting.section) if setting.section else config
    assert getattr(section, setting.name) == value


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_names_of_what_an_algorithm_uses_are_settings_and_each_has_a_role(algorithm):
    names = {setting.name for setting in SETTINGS}
    with_roles = [name for role in ROLES.values() for name in role]
    assert set(ALGORITHMS[algorithm].settings) <= set(with_roles) <= names
    assert len(set(with_roles)) == len(with_roles)


def test_an_algorithm_of_the_registry_is_a_choice_everywhere_without_another_edit():
    code = """
from ppo_cli.config.algorithms import ALGORITHMS
ALGORITHMS["made-up"] = ALGORITHMS["ppo-clip"]
from ppo_cli.cli import main
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import BY_NAME
config, setting = RunConfig(env_id="a", algorithm="made-up"), BY_NAME["algorithm"]
print(config.algorithm, setting.allowed, setting.grid)
for words in (["--help"], ["train", "--help"], ["sweep", "--help"]):
    try:
        main(words)
    except SystemExit:
        pass
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, _, texts = done.stdout.partition("\n")
    assert first == f"made-up {', '.join(ALGORITHMS)}, made-up {(*ALGORITHMS, 'made-up')}"
    texts = " ".join(texts.split())
    assert f"{', '.join(ALGORITHMS)}, made-up " in texts  # ppo --help
    assert texts.count(f"{', '.join(ALGORITHMS)} or made-up, with its tuned settings") == 2


def test_what_is_not_in_the_registry_is_refused_by_the_names_that_are():
    with pytest.raises(UsageError, match=f"expected one of {', '.join(ALGORITHMS)}") as caught:
        with_values(RunConfig(env_id="a"), {"algorithm": "ppo_clip"})
    assert caught.value.hint == "did you mean ppo-clip?"


def test_eps_clip_has_the_standard_grid():
    grids = {setting.name: setting.grid for setting in SETTINGS}
    assert grids["eps_clip"] == (0.1, 0.2, 0.3, 0.4)


def test_every_learning_and_shaping_weight_can_be_swept():
    for setting in SETTINGS:
        if (
            setting.section in ("rollout", "learning", "network", "normalization")
            or setting.name in SHAPING_TERMS
        ):
            assert setting.grid or setting.name in ("reference", "reward_model"), setting.path


def test_per_member_settings_are_those_that_may_differ_in_a_population():
    per_member = {setting.name for setting in SETTINGS if setting.per_member}
    assert {
        "seed",
        "learning_rate",
        "gamma",
        "eps_clip",
        "anneal_lr",
        "target_kl",
        "distance",
        "clip_obs",
    } <= per_member
    assert (
        not {"env_id", "num_envs", "num_steps", "hidden_sizes", "normalize_obs", "mode", "terms"} & per_member
    )


def test_descriptions_name_type_and_range():
    words = {setting.name: setting.expected for setting in SETTINGS}
    assert words["gamma"] == "number >= 0 and <= 1"
    assert words["learning_rate"] == "number >= 1e-12 and <= 1_000"
    assert words["num_epochs"] == "whole number >= 1 and <= 1_000"
    assert words["target_kl"] == "number > 0 and <= 1_000, or null"
    assert words["activation"] == "one of relu, tanh"
    assert words["anneal_lr"] == "true or false"
    assert words["hidden_sizes"] == "list of whole numbers >= 1 and <= 4_096; 1 to 8 of them"


def test_a_config_cannot_be_changed():
    config = RunConfig(env_id="CartPole-v1")
    with pytest.raises(ValidationError):
        config.seed = 2
    with pytest.raises(ValidationError):
        config.learning.gamma = 0.5


def test_the_environment_must_be_given():
    with pytest.raises(ValidationError):
        RunConfig()


def test_sizes_follow_from_the_settings():
    config = with_values(RunConfig(env_id="a"), {"num_envs": 4, "num_steps": 50})
    assert config.steps_per_iteration == 200


def test_networks_whose_checkpoint_could_not_be_read_back_are_refused():
    base = RunConfig(env_id="a")
    assert with_values(base, {"hidden_sizes": [2048, 2048]}).network.hidden_sizes == (2048, 2048)
    assert with_values(base, {"hidden_sizes": [4096]}).network.hidden_sizes == (4096,)
    for sizes in ([4096, 4096], [2048, 2048, 1], [1024] * 6):
        with pytest.raises(UsageError, match=r"hidden_sizes.*weights between hidden layers"):
            with_values(base, {"hidden_sizes": sizes})


def test_weights_leave_out_zeros_and_include_custom_terms():
    config = with_values(
        RunConfig(env_id="a"), {"distance": 50, "angle": 0.0, "reward_shaping.custom": {"bonus": 2.0}}
    )
    assert config.reward_shaping.weights() == {"distance": 50.0, "bonus": 2.0}


def test_minibatch_choices_cut_the_batch_into_equal_parts_of_two_or_more():
    assert minibatch_choices(1024, 3) == [1, 2, 4, 8]
    assert minibatch_choices(21, 4) == [1, 3, 7]
    assert minibatch_choices(7, 5) == [1]
    assert minibatch_choices(2, 2) == [1]


def test_importing_the_settings_brings_no_heavy_library():
    heavy = "{'torch', 'gymnasium', 'numpy', 'yaml'}"
    code = f"import sys, ppo_cli.config.resolve; print(*{heavy}.intersection(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
