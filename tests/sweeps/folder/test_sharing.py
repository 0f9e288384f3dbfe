"""Which sweeps may share a folder."""

from __future__ import annotations

import pytest
from helpers.sweep_specs import CARTPOLE, refused, spec_from, spec_of

from ppo_cli.config.resolve import with_values
from ppo_cli.sweeps.folder.opening import open_sweep
from ppo_cli.sweeps.folder.sharing import disagreements


def test_more_values_seeds_and_confirmation_may_share_a_folder():
    spec = spec_of("eps_clip=0.1,0.2", "gamma=0.9")
    base = with_values(CARTPOLE, {"eps_clip": 0.4, "num_threads": 4, "tensorboard": True})
    other = spec_of("gamma=0.99", "eps_clip=0.3", base=base, num_seeds=9, confirm=0, zipped=True, prune=True)
    assert disagreements(spec, other) == []
    later = spec_of("gamma=0.99", "eps_clip=0.3", base=with_values(base, {"seed": 7}))
    assert disagreements(spec, later) == ["the first seed is 1 here and 7 there"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ent_coef": 0.5}, "learning.ent_coef of CartPole-v1 is 0.0 here and 0.5 there"),
        ({"total_timesteps": 5}, "total_timesteps of CartPole-v1 is 100000 here and 5 there"),
        ({"eval_episodes": 7}, "evaluation.eval_episodes of CartPole-v1 is 20 here and 7 there"),
        ({"env_kwargs.b": 1}, "env_kwargs of CartPole-v1 is {} here and {'b': 1} there"),
        ({"env_id": "Pendulum-v1"}, "env_id is CartPole-v1 here and Pendulum-v1 there"),
    ],
)
def test_other_settings_may_not_share_a_folder(values, words):
    spec = spec_of("eps_clip", "env_kwargs.a=1,2")
    other = spec_of("eps_clip", "env_kwargs.a=1,2", base=with_values(CARTPOLE, values))
    assert disagreements(spec, other) == [words]


def test_other_swept_settings_or_another_search_may_not_share_a_folder():
    spec = spec_of("eps_clip")
    assert disagreements(spec, spec_of("gamma"))[0] == "swept is eps_clip here and gamma there"
    other = spec_of("eps_clip=0.1..0.2", search="random", trials=3)
    assert disagreements(spec, other) == ["search is grid here and random there"]


def test_an_environment_may_be_added_where_environments_are_swept():
    two, _ = spec_from(params=["env_id=CartPole-v1,Acrobot-v1"])
    more, _ = spec_from(params=["env_id=CartPole-v1,Acrobot-v1,Pendulum-v1"])
    other, _ = spec_from(params=["env_id=CartPole-v1,Pendulum-v1"], overrides=["ent_coef=0.5"])
    assert disagreements(two, more) == disagreements(more, two) == []
    assert disagreements(other, two) == ["learning.ent_coef of CartPole-v1 is 0.5 here and 0.0 there"]


def test_algorithms_may_be_added_to_a_sweep_of_them(tmp_path):
    first, _ = spec_from(env="CartPole-v1", params=["algorithm=ppo-clip,grpo"])
    folder, _, _ = open_sweep(first, tmp_path, None)
    more, _ = spec_from(env="CartPole-v1", params=["algorithm=ppo-kl"])
    again, merged, _ = open_sweep(more, tmp_path, None)
    assert again.path == folder.path
    assert [dict(point.values)["algorithm"] for point in merged.points()] == ["ppo-clip", "grpo", "ppo-kl"]
    assert {base.algorithm for base in merged.bases} == {"ppo-clip", "grpo", "ppo-kl"}
    assert [merged.config(point, 1).algorithm for point in merged.points()] == ["ppo-clip", "grpo", "ppo-kl"]
    other, _ = spec_from(env="CartPole-v1", params=["algorithm=grpo"], overrides=["ent_coef=0.5"])
    words = "learning.ent_coef of CartPole-v1 grpo is 0.0 here and 0.5 there"
    assert disagreements(first, other) == [words]
    refused(lambda: spec_from(sweep_file=folder.spec_path, params=["algorithm=ppo-kl"]), "ppo-clip and grpo")


def test_a_pair_that_an_extension_leaves_without_settings_is_refused_by_name(tmp_path):
    both = "env_id=CartPole-v1,Pendulum-v1"
    open_sweep(spec_from(params=[both, "algorithm=ppo-clip"])[0], tmp_path, "s")
    more, _ = spec_from(params=["env_id=CartPole-v1", "algorithm=ppo-clip,ppo-kl"])
    refused(lambda: open_sweep(more, tmp_path, "s"), "no settings for Pendulum-v1 and ppo-kl")
