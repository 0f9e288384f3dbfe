"""Modules of the user's own that a sweep names."""

from __future__ import annotations

import sys

import gymnasium
import pytest
from helpers.sweep_specs import CARTPOLE, refused, spec_from, spec_of, write

from ppo_cli.config.resolve import with_values
from ppo_cli.sweeps.folder.sweep_yaml import dump_spec, read_spec
from ppo_cli.sweeps.spec.consent import agree_to_spec, imports_of_spec


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of the user's, which tells whether it was imported, and a name for it."""
    name = "users_module_of_a_sweep"
    source = "import gymnasium\ngymnasium.register('Mine-v0', 'gymnasium.envs.classic_control:CartPoleEnv')\n"
    write(tmp_path, source + "def terms(obs):\n    return {'up': obs[..., 2]}\n", f"{name}.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("ppo_cli.envs.user_code._agreed", set())
    yield name
    sys.modules.pop(name, None)
    gymnasium.registry.pop("Mine-v0", None)


@pytest.mark.parametrize(
    "text",
    [
        "env: MODULE:Mine-v0\nparams: {eps_clip: null}\n",
        "params: {env_id: ['MODULE:Mine-v0', CartPole-v1]}\n",
        "env: CartPole-v1\nsettings: {terms: 'MODULE:terms', mode: log}\nparams: {eps_clip: null}\n",
        "env: CartPole-v1\nsettings: {mode: log}\nparams: {terms: [null, 'MODULE:terms']}\n",
        "config: base.yaml\nparams: {eps_clip: null}\n",
    ],
)
def test_a_file_imports_a_module_only_with_consent(tmp_path, module, text):
    write(tmp_path, f"env_id: {module}:Mine-v0\n", "base.yaml")
    path = write(tmp_path, text.replace("MODULE", module))
    refused(lambda: spec_from(sweep_file=path), "would import", "--allow-import")
    assert module not in sys.modules
    spec, _ = spec_from(sweep_file=path, allow_import=True)
    assert module in sys.modules
    assert any(module in line for line in imports_of_spec(spec))


def test_the_file_of_a_folder_imports_nothing_when_it_is_read(tmp_path, module):
    spec, _ = spec_from(env=f"{module}:Mine-v0", params=["eps_clip"])
    path = write(tmp_path, dump_spec(spec), "sweep.yaml")
    sys.modules.pop(module)
    again = read_spec(path)
    assert module not in sys.modules
    assert again == spec
    assert imports_of_spec(again) == [f"env_id: {module}:Mine-v0"]


def test_a_sweep_of_a_folder_is_trained_only_with_consent(module, tmp_path):
    base = with_values(CARTPOLE, {"mode": "log"})
    spec = spec_of(f"terms=null,{module}:terms", base=base)
    refused(
        lambda: agree_to_spec(spec, allow_import=False, folder=tmp_path), "would import", "--allow-import"
    )
    assert module not in sys.modules
    agree_to_spec(spec, allow_import=True, folder=tmp_path)
    assert module in sys.modules


@pytest.mark.parametrize(
    "options",
    [
        {"env": "MODULE:Mine-v0"},
        {"params": ["env_id=MODULE:Mine-v0"]},
        {"overrides": ["env_id=MODULE:Mine-v0"]},
        {"env": "CartPole-v1", "overrides": ["terms=MODULE:terms", "mode=log"]},
        {"env": "CartPole-v1", "params": ["terms=null,MODULE:terms"], "overrides": ["mode=log"]},
    ],
)
def test_to_type_a_module_is_to_consent(module, options):
    def filled(value):
        texts = value if isinstance(value, list) else [value]
        return [text.replace("MODULE", module) for text in texts]

    options = {name: filled(value) if name != "env" else filled(value)[0] for name, value in options.items()}
    spec_from(**{**options, "params": [*options.get("params", []), "eps_clip"]})
    assert module in sys.modules
