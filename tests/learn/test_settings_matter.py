"""Of every setting: either to change it changes what is learned, or it is refused."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ppo_cli import train
from ppo_cli.config.algorithms import ALGORITHMS, uses
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.sections import SHAPING_TERMS
from ppo_cli.config.settings import BY_PATH, SETTINGS
from ppo_cli.errors import UsageError
from ppo_cli.learn.build import open_population
from ppo_cli.learn.population import Member, Population
from ppo_cli.learn.trainer import train_iteration
from ppo_cli.prepare.resolve import resolve_settings
from ppo_cli.prepare.try_environment import try_environment

TRAINED = ("rollout", "learning", "network", "normalization", "reward_shaping")
OF_ALL = ("seed", "total_timesteps", "env_kwargs")
# Values that are far enough from the base to show within two iterations.
VALUES: dict[str, Any] = {
    "eps_clip": 1e-4, "max_grad_norm": 1e-4, "target_kl": 1e-12, "kl_target": 900.0, "eps_clip_vf": 1e-6,
    "clip_obs": 1e-3, "clip_higher": 1e-5, "num_envs": 8, "num_steps": 80, "total_timesteps": 640, "seed": 5,
    "scale": 7.0, "hidden_sizes": (4,), "group_size": 2, "env_kwargs": {"max_episode_steps": 15},
    "reward_model": "constant", "num_minibatches": 1, "policy": "beta",
}  # fmt: skip
BASE: dict[str, Any] = {
    "num_envs": 4, "num_steps": 40, "num_minibatches": 2, "total_timesteps": 480, "num_evals": 0,
    "final_eval_episodes": 0, "hidden_sizes": (8,), "env_kwargs": {"max_episode_steps": 20},
    "learning_rate": 0.01, "num_epochs": 20,
}  # fmt: skip
ENVS: dict[str, dict[str, Any]] = {
    "CartPole-v1": {"mode": "add", "position": 0.1},
    "Pendulum-v1": {"normalize_obs": True},
}
# What shows only beside other settings: those, and from which value to which. RUN is a run's folder.
BESIDE: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "reference": ({"reference_coef": 1.0}, "initial", "RUN"),
    "reference_coef": ({"reference": "RUN"}, 0.1, 1.0),
    "reference_kl": ({"reference": "RUN", "reference_coef": 0.1}, None, 1e-9),
    "reward_model": ({"mode": "off"}, None, "random"),
    "terms": ({"mode": "add", "custom": {"mine": 1.0}}, "own_terms:terms", "own_terms:others"),
    "custom": ({"mode": "add", "terms": "own_terms:terms"}, {"mine": 1.0}, {"mine": -3.0}),
    "dynamic_sampling": ({"env_kwargs": {"max_episode_steps": 9}, "mode": "off"}, True, False),
}
ONLY_BESIDE = ("reference", "terms", "custom", "dynamic_sampling")
# What is not learned from: where it shows.
SHOWS: dict[str, tuple[Any, str]] = {
    "num_evals": (2, "eval.csv"), "eval_episodes": (3, "eval.csv"),
    "final_eval_episodes": (3, "summary.json"), "tensorboard": (True, "events.out.tfevents.ppo"),
    "keep_policies": (2, "policies"),
}  # fmt: skip
HOW_IT_IS_COMPUTED = ("engine", "num_threads", "env_workers")  # tests of engines and workers have those
REFUSALS = (
    "is not used by", "has no effect", "has no shaping term", "pays for nothing", "two rewards",
    "is for continuous actions",
)  # fmt: skip
TERMS = """
def terms(obs): return {"mine": obs[..., 0]}
def others(obs): return {"mine": 5 * obs[..., 1]}
"""


def cases() -> Iterator[Any]:
    for env_id in ENVS:
        for algorithm in ALGORITHMS:
            for setting in SETTINGS:
                if (setting.section in TRAINED or setting.name in OF_ALL) and setting.name not in ONLY_BESIDE:
                    case = f"{env_id}-{algorithm}-{setting.name}"
                    yield pytest.param(env_id, algorithm, setting.path, id=case)


def test_all_settings_are_gone_through() -> None:
    through = {BY_PATH[case.values[2]].name for case in cases()}
    through |= {"env_id", "algorithm", *BESIDE, *SHOWS, *HOW_IT_IS_COMPUTED}
    assert through == {setting.name for setting in SETTINGS}


@pytest.fixture(scope="module")
def learned() -> dict[tuple[str, str], torch.Tensor]:
    return {}


@pytest.mark.parametrize(("env_id", "algorithm", "path"), list(cases()))
def test_a_changed_setting_changes_what_is_learned_or_is_refused(
    env_id: str, algorithm: str, path: str, learned: dict[tuple[str, str], torch.Tensor]
) -> None:
    setting, base = BY_PATH[path], base_of(env_id, algorithm)
    key = (env_id, algorithm)
    if key not in learned:
        learned[key] = trained(env_id, base)
    now = resolve_settings(env_id, None, values=base).config
    try_environment(now)
    value = VALUES[setting.name] if setting.name in VALUES else another(setting, now)
    try:
        try_environment(resolve_settings(env_id, None, values={**base, setting.name: value}).config)
    except UsageError as refusal:
        assert any(words in refusal.message for words in REFUSALS), refusal.message
        return
    assert differ(trained(env_id, {**base, setting.name: value}), learned[key]), (
        f"{path}={value} changes nothing and is not refused"
    )


def test_algorithms_learn_different_things_from_the_same(
    learned: dict[tuple[str, str], torch.Tensor],
) -> None:
    params = [trained("CartPole-v1", base_of("CartPole-v1", algorithm)) for algorithm in ALGORITHMS]
    assert all(differ(one, other) for one, other in itertools.combinations(params, 2))


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_shows_only_beside_other_settings_shows_there(
    algorithm: str, name: str, trained_cartpole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not uses(algorithm, name):
        pytest.skip("refused, as the test above has it")
    (tmp_path / "own_terms.py").write_text(TERMS)
    monkeypatch.syspath_prepend(str(tmp_path))
    run = str(next((trained_cartpole / "runs").iterdir()))
    beside, before, after = BESIDE[name]
    given = {**base_of("CartPole-v1", algorithm), "position": 0.0, "mode": "off", **beside}
    given = {key: run if value == "RUN" else value for key, value in given.items()}
    ends = [
        trained("CartPole-v1", {**given, name: run if value == "RUN" else value}) for value in (before, after)
    ]
    assert differ(*ends), f"{name}={after} changes nothing beside {beside}"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_limits_an_update_of_one_step_changes_nothing_and_is_refused(algorithm: str) -> None:
    base = base_of("CartPole-v1", algorithm)
    base |= {name: 1 for name in ("num_epochs", "num_minibatches") if uses(algorithm, name)}
    base.pop("eps_clip", None)
    reached = trained("CartPole-v1", base)
    for name in ("eps_clip", "anneal_eps_clip", "eps_clip_vf", "clip_higher", "target_kl", "kl_target"):
        value = True if name == "anneal_eps_clip" else VALUES[name]
        with pytest.raises(UsageError, match=r"has no effect|is not used by"):
            resolve_settings("CartPole-v1", None, values={**base, name: value})
        if uses(algorithm, name):
            config = with_values(resolve_settings("CartPole-v1", None, values=base).config, {name: value})
            assert torch.equal(parameters(config), reached), (
                f"{name} changes something: it is not to be refused"
            )


@pytest.mark.parametrize("name", SHOWS)
def test_what_is_not_learned_from_shows_in_the_folder(name: str, runs_dir: Path) -> None:
    value, where = SHOWS[name]
    base = {
        **base_of("CartPole-v1", "ppo-clip"),
        "num_evals": 1,
        "eval_episodes": 2,
        "final_eval_episodes": 2,
    }
    told, bits = [], []
    for run, values in (("a", base), ("b", {**base, name: value})):
        train("CartPole-v1", name=run, runs_dir=runs_dir, **values)
        bits.append((runs_dir / run / "policy.safetensors").read_bytes())
        path = runs_dir / run / where
        told.append(path.is_dir() or (path.exists() and without_time(path.read_text(errors="replace"))))
    assert told[0] != told[1] and bits[0] == bits[1]


def without_time(text: str) -> str:
    """A text without what the clock has written: digits after a point."""
    return re.sub(r"[.][0-9]+", "", text)


def base_of(env_id: str, algorithm: str) -> dict[str, Any]:
    """The settings from which one is changed."""
    base = {name: value for name, value in BASE.items() if uses(algorithm, name)}
    base |= {**ENVS[env_id], "algorithm": algorithm}
    return base | ({"group_size": 4, "eps_clip": 0.001} if algorithm == "grpo" else {})


def differ(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape != other.shape or not torch.equal(one, other)


def another(setting: Any, now: Any) -> Any:
    """A value that is not the one that holds now."""
    part = getattr(now, setting.section) if setting.section else now
    held = getattr(part, setting.name)
    if setting.name in SHAPING_TERMS:
        return 0.5
    if isinstance(held, bool):
        return not held
    return next(value for value in setting.grid if value != held)


def trained(env_id: str, values: dict[str, Any]) -> torch.Tensor:
    """The parameters after three iterations."""
    return parameters(resolve_settings(env_id, None, values=values).config)


def parameters(config: RunConfig) -> torch.Tensor:
    with open_population(Population((Member(config),))) as state:
        while state.members and state.iteration < state.num_iterations:
            train_iteration(state)
            params = state.learner.agent.params.clone()
    return params
