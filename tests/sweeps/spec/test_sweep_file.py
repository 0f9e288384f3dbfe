"""Sweep files that a person writes."""

from __future__ import annotations

import pytest
from helpers.sweep_specs import refused, spec_from, write


def test_a_file_takes_the_tuned_settings_and_its_own_on_top(tmp_path):
    path = write(
        tmp_path,
        """
env: LunarLander-v2
settings:
  total_timesteps: 50_000
  learning:
    gamma: 0.5
params:
  eps_clip: [0.1, 0.2]
  learning_rate: 1e-4..1e-2:log:3
  gae_lambda: null
zip: false
seeds: 2
first_seed: 30
confirm: 0
""",
    )
    spec, notices = spec_from(sweep_file=path)
    assert spec.base.env_id == "LunarLander-v3"
    assert spec.base.rollout.num_envs == 64  # tuned
    assert (spec.base.total_timesteps, spec.base.learning.gamma) == (50_000, 0.5)
    assert [param.text for param in spec.params] == [
        "eps_clip=0.1,0.2",
        "learning_rate=0.0001..0.01:log:3",
        "gae_lambda=0.8,0.9,0.95,0.98,1.0",
    ]
    assert (list(spec.seeds), spec.confirm, spec.env_requested) == ([30, 31], 0, "LunarLander-v2")
    assert len(notices) == 1
    assert "running LunarLander-v3" in notices[0]


def test_another_file_can_be_the_base_and_is_looked_for_beside_the_sweep_file(tmp_path, monkeypatch):
    folder = tmp_path / "sweeps"
    folder.mkdir()
    write(folder, "env_id: CartPole-v1\ngamma: 0.7\nent_coef: 0.1\n", "base.yaml")
    path = write(folder, "config: base.yaml\nsettings: {ent_coef: 0.2}\nparams: {eps_clip: null}\n")
    monkeypatch.chdir(tmp_path)
    spec, _ = spec_from(sweep_file=path)
    assert (spec.base.learning.gamma, spec.base.learning.ent_coef) == (0.7, 0.2)
    assert spec.base.rollout.num_steps == 128  # a file alone does not take the tuned settings


def test_a_file_sweeps_algorithms_too(tmp_path):
    path = write(tmp_path, "env: CartPole-v1\nparams:\n  algorithm: [ppo-clip, grpo]\n")
    spec, _ = spec_from(sweep_file=path)
    assert [base.rollout.num_steps for base in spec.bases] == [32, 1000]
    grouped = write(tmp_path, "env: CartPole-v1\nsettings: {algorithm: grpo}\nparams: {group_size: [4, 8]}\n")
    spec, _ = spec_from(sweep_file=grouped)
    assert (spec.base.algorithm, spec.base.rollout.num_steps) == ("grpo", 1000)


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("env: CartPole-v1\nparam: {}\n", 2, "param: unknown in a sweep file", "did you mean params?"),
        ("env: CartPole-v1\neps_clip: 0.1\n", 2, "eps_clip: unknown in a sweep file", "below `settings:`"),
        ("env: CartPole-v1\nsettings:\n  lr: 1\n", 3, "lr: unknown setting", "learning_rate"),
        ("env: CartPole-v1\nsettings:\n  gamma: 9\n", 3, "9 is not allowed", None),
        ("env: CartPole-v1\nsettings: {seed: 3}\n", 2, "seed: does not belong here", "first_seed"),
        ("settings: {env_id: CartPole-v1}\n", 1, "env_id: does not belong here", "env:"),
        ("env: CartPole-v1\nsettings: 3\n", 2, "3 is not allowed", None),
        ("env: CartPole-v1\nparams: [eps_clip]\n", 2, "is not allowed", None),
        ("env: CartPole-v1\nparams:\n  eps_clp: null\n", 3, "eps_clp: unknown setting", "eps_clip"),
        ("env: CartPole-v1\nparams:\n  eps_clip: [0.1, 900]\n", 3, "900 is not allowed", None),
        ("env: CartPole-v1\nparams:\n  eps_clip: []\n", 3, "has no values", "eps_clip=0.1"),
        ("env: A\nparams:\n  gamma: 0.9\n  learning.gamma: 0.8\n", 4, "is given twice", "one of the two"),
        ("env: CartPole-v1\nconfig: x.yaml\n", 2, "does not go together with env", "one of the two"),
        ("env: 3\n", 1, "env: 3 is not allowed", None),
        ("env: CartPole-v1\nfirst_seed: -1\nparams: {eps_clip: null}", 2, "-1 is not allowed", None),
        ("env: CartPole-v1\ntrials: 1e9\n", 2, "1000000000.0 is not allowed", None),
        ("env: CartPole-v1\nconfirm: true\n", 2, "true is not allowed", None),
        ("- a\n", None, "no sweep found", "params"),
        ("", None, "no sweep found", "params"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path, text, line, message, hint):
    path = write(tmp_path, text)
    error = refused(lambda: spec_from(sweep_file=path), message, hint)
    assert error.file == str(path)
    assert line is None or error.line == line
