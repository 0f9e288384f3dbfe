"""The settings that hold where nothing is swept."""

from __future__ import annotations

import pytest
from helpers.sweep_specs import refused, spec_from, write

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.resolve import resolve_config
from ppo_cli.prepare.engine import with_engine
from ppo_cli.sweeps.folder.opening import default_name
from ppo_cli.sweeps.spec.points import Point


def test_each_swept_environment_has_its_own_tuned_settings():
    spec, notices = spec_from(
        params=["env_id=LunarLander-v2,CartPole-v1", "gamma=0.9,0.99"], overrides=["seed=4"]
    )
    assert list(spec.env_ids) == ["LunarLander-v3", "CartPole-v1"]
    assert [spec.config(point, 4).rollout.num_envs for point in spec.points()] == [64, 64, 8, 8]
    assert [spec.config(point, 4).env_id for point in spec.points()][::2] == ["LunarLander-v3", "CartPole-v1"]
    assert len(notices) == 1
    assert spec.default_point is None


def test_each_swept_algorithm_has_its_own_tuned_settings():
    spec, notices = spec_from(env="CartPole-v1", params=["algorithm"])
    assert notices == ()
    labels = [point.label for point in spec.points()]
    assert labels == [f"algorithm={name}" for name in ALGORITHMS]
    for point in spec.points():
        (algorithm,) = dict(point.values).values()
        alone = resolve_config(env="CartPole-v1", values={"algorithm": algorithm, "seed": 3}).config
        assert spec.config(point, 3) == with_engine(alone)[0]
    assert spec.env_ids == ("CartPole-v1",)
    assert spec.default_point == Point.of({"algorithm": "ppo-clip"})
    assert default_name(spec) == "CartPole-v1-algorithm"


def test_environments_and_algorithms_combine_each_pair_with_its_tuned_settings():
    spec, _ = spec_from(params=["env_id=LunarLander-v2,CartPole-v1", "algorithm=ppo-clip,grpo"])
    assert [(base.env_id, base.algorithm, base.rollout.num_envs) for base in spec.bases] == [
        ("LunarLander-v3", "ppo-clip", 64),
        ("LunarLander-v3", "grpo", 16),
        ("CartPole-v1", "ppo-clip", 8),
        ("CartPole-v1", "grpo", 8),
    ]
    assert spec.env_requested == "LunarLander-v2,CartPole-v1"
    assert spec.requested("LunarLander-v3") == "LunarLander-v2"
    assert [spec.config(point, 1).rollout.num_envs for point in spec.points()] == [64, 16, 8, 8]
    assert [spec.config(point, 1).rollout.num_steps for point in spec.points()] == [128, 2000, 32, 1000]


@pytest.mark.parametrize(
    ("text", "options", "message", "hint"),
    [
        ("", {"params": ["algorithm", "eps_clip"]}, "eps_clip is not used by ppo-kl", "ppo-clip,spo,grpo"),
        ("", {"params": ["algorithm=ppo-clip,grpo", "gae_lambda"]}, "gae_lambda is not used by grpo", None),
        ("", {"params": ["kl_target"]}, "kl_target is not used by ppo-clip", "ppo-kl"),
        ("", {"params": ["algorithm"], "overrides": ["eps_clip=0.2"]}, "--set: learning.eps_clip", "leave"),
        ("eps_clip: 0.2", {"params": ["algorithm"]}, ":3:", "leave it out"),
    ],
)
def test_a_setting_that_one_of_the_algorithms_does_not_use_is_refused(tmp_path, text, options, message, hint):
    path = write(tmp_path, f"env: CartPole-v1\nsettings:\n  {text}\n")
    refused(lambda: spec_from(sweep_file=path, **options), message, hint)


def test_what_does_not_go_with_a_swept_algorithm_or_policy_is_blamed_on_the_sweep():
    sizes = {"params": ["algorithm"], "overrides": ["num_envs=12"]}
    error = refused(lambda: spec_from(env="CartPole-v1", **sizes), "groups of 8 do not divide num_envs = 12")
    assert error.message.startswith("--param: learning.group_size: ")
    bent = {"params": ["policy"], "overrides": ["squash=true"]}
    error = refused(lambda: spec_from(env="Pendulum-v1", **bent), "squash is not used by the beta policy")
    assert error.message.startswith("--param: network.squash: ")


def test_a_search_over_algorithms_refuses_it_too():
    options = {"params": ["algorithm", "eps_clip=0.1..0.3"], "search": "random", "trials": 3}
    refused(lambda: spec_from(env="CartPole-v1", **options), "eps_clip is not used by ppo-kl")


def test_rollouts_become_as_long_as_an_episode_may_be():
    spec, notices = spec_from(env="Acrobot-v1", params=["algorithm=ppo-clip,reinforce"])
    assert [base.rollout.num_steps for base in spec.bases] == [128, 500]
    assert notices == (
        "no tuned settings for reinforce on Acrobot-v1; using those of ppo-clip where they apply",
        "num_steps is 500, the longest episode of Acrobot-v1: reinforce learns from whole episodes",
    )
    settings = {"env": "Acrobot-v1", "params": ["algorithm=ppo-clip,reinforce"]}
    spec, _ = spec_from(**settings, overrides=["env_kwargs.max_episode_steps=200"])
    assert [base.rollout.num_steps for base in spec.bases] == [128, 200]


def test_rollouts_shorter_than_an_episode_are_refused_in_a_sweep_too():
    settings = {"env": "CartPole-v1", "values": {"algorithm": "grpo"}}
    message = "an episode of CartPole-v1 takes up to 500 steps; grpo learns from whole episodes"
    hint = "set num_steps to 500 or more"
    refused(lambda: spec_from(**settings, params=["gamma"], overrides=["num_steps=64"]), message, hint)
    error = refused(lambda: spec_from(**settings, params=["num_steps=500,64"]), message, hint)
    assert error.message.startswith("at num_steps = 64: ")
    limits = ["env_kwargs.max_episode_steps=100,900"]
    refused(lambda: spec_from(**settings, params=limits, overrides=["num_steps=500"]), "up to 900 steps")


def test_tuned_noise_of_gaussians_does_not_stand_in_the_way_of_a_sweep_of_policies():
    spec, _ = spec_from(env="Pendulum-v1", params=["policy"])
    assert [(base.network.policy, base.network.log_std_init) for base in spec.bases] == [
        ("gaussian", 0.5),
        ("beta", 0.0),
    ]
    assert spec.default_point == Point.of({"policy": "gaussian"})
