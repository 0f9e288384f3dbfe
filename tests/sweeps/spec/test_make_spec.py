"""From options and files to what a sweep studies."""

from __future__ import annotations

import pytest
from helpers.sweep_specs import refused, spec_from, write

from ppo_cli.sweeps.folder.sweep_yaml import dump_spec


def test_the_options_say_the_same_as_a_file(tmp_path):
    path = write(
        tmp_path,
        "env: CartPole-v1\nsettings: {gamma: 0.5}\nparams: {eps_clip: 0.1..0.4}\n"
        "search: tpe\ntrials: 9\nprune: true\nseeds: 2\nconfirm: 1\n",
    )
    options, _ = spec_from(
        env="CartPole-v1",
        overrides=["gamma=0.5"],
        params=["eps_clip=0.1..0.4"],
        search="tpe",
        trials=9,
        prune=True,
        num_seeds=2,
        confirm=1,
    )
    assert spec_from(sweep_file=path)[0] == options


def test_options_win_over_the_file(tmp_path):
    path = write(
        tmp_path,
        "env: LunarLander-v3\nsettings: {gamma: 0.5}\nparams: {eps_clip: 0.1..0.2, vf_coef: [0.5, 1]}\n"
        "search: random\ntrials: 5\nseeds: 2\nfirst_seed: 3\n",
    )
    spec, _ = spec_from(
        sweep_file=path,
        env="CartPole-v1",
        overrides=["gamma=0.6"],
        values={"seed": 9},
        params=["eps_clip=0.3,0.4", "gae_lambda=0.9"],
        search="grid",
        num_seeds=4,
    )
    assert spec.base.env_id == "CartPole-v1"
    assert spec.base.rollout.num_steps == 32  # tuned for CartPole
    assert spec.base.learning.gamma == 0.6
    assert list(spec.seeds) == [9, 10, 11, 12]
    assert [param.text for param in spec.params] == [
        "eps_clip=0.3,0.4",
        "vf_coef=0.5,1.0",
        "gae_lambda=0.9",
    ]
    assert spec.trials is None


def test_options_go_on_top_of_the_file_of_a_folder(tmp_path):
    spec, _ = spec_from(env="LunarLander-v2", params=["eps_clip=0.1,0.2"], num_seeds=2)
    path = write(tmp_path, dump_spec(spec), "sweep.yaml")
    more, _ = spec_from(sweep_file=path, params=["eps_clip=0.3"], num_seeds=4, overrides=["gamma=0.5"])
    assert (more.params[0].values, more.num_seeds, more.base.learning.gamma) == ((0.3,), 4, 0.5)
    assert more.requested("LunarLander-v3") == "LunarLander-v2"
    refused(lambda: spec_from(sweep_file=path, env="CartPole-v1"), "settings of its own", "--env")
    refused(lambda: spec_from(sweep_file=path, params=["env_id=CartPole-v1"]), "for LunarLander-v3 only")


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"params": ["eps_clip"]}, "no environment given", "--env"),
        ({"env": "CartPole-v1"}, "no setting is swept", "--param"),
        (
            {"env": "CartPol-v1", "params": ["eps_clip"]},
            "there is no environment 'CartPol-v1'",
            "CartPole-v1",
        ),
        ({"env": "CartPole-v1", "params": ["eps_clip", "learning.eps_clip=1"]}, "given twice", "at once"),
        ({"env": "CartPole-v1", "params": ["env_id=Acrobot-v1"]}, "env_id is swept", "leave it out"),
        ({"params": ["env_id=LunarLander-v2,LunarLander-v3"]}, "LunarLander-v3 is given twice", "one of"),
        (
            {"params": ["env_id=CartPole-v1,Acrobot-v1"], "search": "random", "trials": 1},
            "cannot be compared",
            "grid",
        ),
    ],
)
def test_wrong_options_are_refused(options, message, hint):
    refused(lambda: spec_from(**options), message, hint)
