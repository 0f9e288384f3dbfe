import pytest

from ppo_cli.config.names import AMBIGUOUS, FOREIGN, OWNERS
from ppo_cli.config.names import find as find_setting
from ppo_cli.config.names import nearest as nearest_setting
from ppo_cli.config.out_of_scope import OUT_OF_SCOPE
from ppo_cli.config.resolve import resolve_config
from ppo_cli.config.settings import SETTINGS
from ppo_cli.errors import UsageError

NAMES = {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.path)
def test_leaf_name_and_path_find_the_same_setting(setting):
    assert find_setting(setting.name).setting is setting
    assert find_setting(setting.path).setting is setting


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        ("clip_range", "eps_clip"),
        ("clip_coef", "eps_clip"),
        ("clip_ratio", "eps_clip"),
        ("lr", "learning_rate"),
        ("n_envs", "num_envs"),
        ("n_steps", "num_steps"),
        ("K_epochs", "num_epochs"),
        ("n_epochs", "num_epochs"),
        ("update_epochs", "num_epochs"),
        ("batch_size", "num_minibatches"),
        ("ent_weight", "ent_coef"),
        ("lam", "gae_lambda"),
        ("learning-rate", "learning_rate"),
        ("LEARNING_RATE", "learning_rate"),
        ("learning_rte", "learning_rate"),
        ("rollout.eps_clip", "learning.eps_clip"),
        ("learning.clip_range", "eps_clip"),
        ("init_kl_coef", "kl_coef"),
        ("kl_coeff", "kl_coef"),
        ("kl_beta", "kl_coef"),
        ("num_generations", "group_size"),
        ("epsilon_high", "clip_higher"),
        ("clip_ratio_high", "clip_higher"),
        ("ref_model", "reference"),
        ("lr_critic", "critic_learning_rate"),
        ("vf_lr", "critic_learning_rate"),
        ("actor_learning_rate", "learning_rate"),
        ("use_baseline", "baseline"),
    ],
)
def test_a_foreign_or_mistyped_name_leads_to_ours(foreign, ours):
    assert nearest_setting(foreign).startswith(f"did you mean {ours}?")
    with pytest.raises(UsageError) as caught:
        resolve_config(env="CartPole-v1", overrides=[f"{foreign}=1"])
    assert ours in caught.value.hint
    assert caught.value.key == foreign


def test_the_owner_of_a_well_known_name_is_said():
    assert "Stable-Baselines3" in nearest_setting("clip_range")
    assert "(num_generations is its name in TRL)" in nearest_setting("num_generations")
    assert "verl" in nearest_setting("clip_ratio_high") and "RLlib" in nearest_setting("kl_coeff")


@pytest.mark.parametrize("name", ["beta", "scale_rewards"])
def test_a_name_with_two_meanings_says_both(name):
    hint = nearest_setting(name)
    assert sum(ours in hint for ours in NAMES) >= 2 and "TRL" in hint


def test_a_name_like_nothing_leads_to_the_list():
    assert nearest_setting("xyzzy") == "`ppo config` lists every setting"


def test_foreign_names_lead_to_settings_and_are_none_themselves():
    foreign = [name for names in FOREIGN.values() for name in names.split()]
    assert set(FOREIGN) <= NAMES
    assert not (set(foreign) | set(AMBIGUOUS) | set(OUT_OF_SCOPE)) & NAMES
    assert not set(foreign) & set(OUT_OF_SCOPE) and not set(AMBIGUOUS) & set(OUT_OF_SCOPE)
    assert len(set(foreign)) == len(foreign)
    assert not set(foreign) & set(AMBIGUOUS)
    assert set(OWNERS) <= set(foreign)


def test_a_name_inside_a_mapping_is_found():
    target = find_setting("env_kwargs.enable_wind")
    assert (target.setting.name, target.key, target.path) == (
        "env_kwargs",
        "enable_wind",
        "env_kwargs.enable_wind",
    )
    assert find_setting("custom.bonus").path == "reward_shaping.custom.bonus"
    assert find_setting("eps_clip.x") is None
    assert find_setting("") is None
