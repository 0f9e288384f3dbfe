"""Which runs are the same run: what counts, and for whom."""

import pytest

from ppo_cli.config.identity import (
    differing,
    result_key,
    result_settings,
    static_key,
    training_settings,
)
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import SETTINGS
from ppo_cli.config.values import changed_settings, flat_settings, get_value, used_settings

BASE = RunConfig(env_id="CartPole-v1")
OTHER = {
    "tensorboard": True, "keep_policies": 3, "num_threads": 2, "env_workers": 1,
    "num_evals": 3, "eval_episodes": 7, "final_eval_episodes": 9, "total_timesteps": 5,
    "seed": 2, "env_id": "Acrobot-v1", "env_kwargs": {"a": 1}, "algorithm": "ppo-kl", "gamma": 0.5,
    "num_envs": 16, "hidden_sizes": (8,), "custom": {"bonus": 1.0}, "terms": "a:b", "clip_obs": 5.0,
}  # fmt: skip
NO_RESULT = {"tensorboard", "keep_policies", "num_threads", "env_workers"}
NOT_ON_THE_WAY = {"num_evals", "eval_episodes", "final_eval_episodes", "total_timesteps"}


@pytest.mark.parametrize("name", OTHER)
def test_a_run_is_its_settings_without_those_that_no_result_depends_on(name):
    other = with_values(BASE, {name: OTHER[name]})
    assert (result_key(other) == result_key(BASE)) == (name in NO_RESULT)
    assert (training_settings(other) == training_settings(BASE)) == (name in NO_RESULT | NOT_ON_THE_WAY)


def test_every_setting_counts_unless_it_is_named_here():
    names = {setting.path: setting.name for setting in SETTINGS}
    assert {names[path] for path in names.keys() - result_settings(BASE)} == NO_RESULT
    assert {names[path] for path in result_settings(BASE).keys() - training_settings(BASE)} == NOT_ON_THE_WAY


def test_what_differs_is_told_with_both_values_and_a_number_is_not_true():
    one, other = (with_values(BASE, {"env_kwargs": {"a": value}}) for value in (1, True))
    pairs = differing(result_settings(one), result_settings(other))
    assert pairs == {"env_kwargs": ({"a": 1}, {"a": True})} and pairs["env_kwargs"][1]["a"] is True
    assert result_key(one) != result_key(other)
    assert differing({"gone": 1, "never": None}, {}) == {"gone": (1, None)}


def test_the_order_of_names_in_a_mapping_makes_no_difference():
    one, other = (
        with_values(BASE, {"env_kwargs": kwargs}) for kwargs in ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    )
    assert result_key(one) == result_key(other) and static_key(one) == static_key(other)


def test_settings_are_told_as_a_checkpoint_holds_them():
    assert training_settings(BASE)["network.hidden_sizes"] == [64, 64]
    assert flat_settings(BASE)["network.hidden_sizes"] == (64, 64)


def test_configs_that_differ_per_member_only_share_a_population():
    other = {"seed": 2, "learning_rate": 1e-3, "distance": 5.0, "target_kl": 0.1, "custom": {"b": 1.0}}
    assert static_key(with_values(BASE, other)) == static_key(BASE)


@pytest.mark.parametrize(
    "values",
    [
        {"num_envs": 16},
        {"hidden_sizes": (32,)},
        {"env_kwargs": {"a": 1}},
        {"total_timesteps": 5},
        {"mode": "add"},
    ],
    ids=lambda values: next(iter(values)),
)
def test_configs_that_differ_in_a_static_setting_do_not(values):
    assert static_key(with_values(BASE, values)) != static_key(BASE)


def test_settings_by_path_are_all_settings_in_their_order():
    values = flat_settings(BASE)
    assert list(values) == [setting.path for setting in SETTINGS]
    assert all(values[path] == get_value(BASE, path) for path in values)
    assert get_value(with_values(BASE, {"env_kwargs": {"a": 3}}), "env_kwargs.a") == 3
    assert get_value(BASE, "env_kwargs.a") is None


def test_used_settings_are_those_of_the_algorithm_and_the_policy_by_section():
    values = used_settings(with_values(BASE, {"algorithm": "ppo-kl", "policy": "beta"}))
    assert values["env_id"] == "CartPole-v1" and values["learning"]["kl_target"] == 0.01
    assert "eps_clip" not in values["learning"] and "squash" not in values["network"]


def test_changed_settings_are_those_that_are_not_at_their_defaults():
    changed = changed_settings(with_values(BASE, {"gamma": 0.5, "hidden_sizes": (8,)}))
    assert [(setting.name, value) for setting, value in changed] == [
        ("env_id", "CartPole-v1"),
        ("gamma", 0.5),
        ("hidden_sizes", (8,)),
    ]
