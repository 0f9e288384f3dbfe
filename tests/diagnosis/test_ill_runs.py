"""Every diagnosis finds its illness in a run that has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ill_envs
from helpers.ill_envs import Paying

from ppo_cli import train

QUICK: dict[str, Any] = {
    "env": "CartPole-v1", "num_envs": 4, "num_steps": 32, "num_minibatches": 2, "num_epochs": 2,
    "num_evals": 0, "final_eval_episodes": 2, "hidden_sizes": [8], "total_timesteps": 128 * 40,
    "algorithm": "ppo-clip",
}  # fmt: skip
PAYING = {"env": "Paying-v0", "final_eval_episodes": 0}
TERMS = {"terms": "ill_terms:terms", "custom": {"same": 1.0}, "mode": "add", "position": 1.0}
MOVES = {"learning_rate": 0.01}

RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "the rate is too small": ("policy_does_not_move: the learning rate is 1e-09", {"learning_rate": 1e-9}),
    "the critic's gradient is all that is left": (
        "policy_does_not_move: clipping takes nearly all of the gradient away",
        {"reward_scale": 1e6, "num_epochs": 1, "anneal_lr": False, "gae_lambda": 1.0},
    ),
    "all actions are worth the same": (
        "policy_does_not_move: all actions seem to be worth the same",
        PAYING,
    ),
    "entropy is costly": ("entropy_collapsed", {
        **PAYING, "ent_coef": -1.0, "learning_rate": 0.05, "num_epochs": 8,
    }),
    "rewards are too large": ("rewards_too_large", {"reward_scale": 1e5}),
    "updates are too large": ("policy_moves_too_far", {
        "env": "Pendulum-v1", "learning_rate": 0.02, "num_epochs": 10, "anneal_lr": False, "eps_clip": 100.0,
    }),
    "the critic does not learn": ("critic_explains_nothing", {"critic_learning_rate": 1e-9}),
    "one term is large": ("one_term_rules", {"mode": "add", "position": 1e6, "pole_angle": 1.0}),
    "one term is the same at every step": ("a_term_never_changes: The reward term same", TERMS),
    "falling over is paid for": ("shaped_parts_from_true", {
        "mode": "replace", "pole_angle": 1.0, "learning_rate": 0.003, "num_steps": 128,
        "total_timesteps": 512 * 60,
    }),
    "waiting for the longest episode": ("mostly_waiting", {
        "algorithm": "grpo", "group_size": 4, "num_steps": 500, "total_timesteps": 2000 * 20,
        "learning_rate": 1e-6, "num_epochs": 1,
    }),
    "waiting without groups": ("mostly_waiting", {
        "algorithm": "reinforce", "num_epochs": None, "num_minibatches": None, "num_steps": 500,
        "total_timesteps": 2000 * 20, "learning_rate": 1e-6,
    }),
    "what was paid for is paid for no longer": ("returns_fell", {**PAYING, **MOVES}),
    "more is paid for from day to day": ("still_rising", {**PAYING, **MOVES}),
    "the likeliest action is the wrong one": ("evaluation_parts_from_training", {
        "env": "PaysForChange-v0", "num_evals": 4, "eval_episodes": 4, **MOVES,
    }),
    "there is no time limit": ("episodes_never_end", {
        "env": "Pendulum-v1", "env_kwargs": {"max_episode_steps": -1}, "num_steps": 256, "num_minibatches": 1,
        "total_timesteps": 1024 * 25, "final_eval_episodes": 0,
    }),
}  # fmt: skip
ENDS = 128 * 40
WHAT_IS_PAID = {
    "what was paid for is paid for no longer": lambda steps, action: float(ENDS / 4 < steps < ENDS / 2),
    "more is paid for from day to day": lambda steps, action: steps / ENDS,
}


@pytest.mark.parametrize("what", RUNS)
@pytest.mark.filterwarnings("ignore")
def test_a_run_that_has_the_illness_says_so(
    what: str, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ill_envs.register()
    monkeypatch.syspath_prepend(str(runs_dir.parent))
    (runs_dir.parent / "ill_terms.py").write_text("def terms(obs): return {'same': 0 * obs[..., 0] + 2}\n")
    monkeypatch.setattr(Paying, "steps_of_all", 0)
    monkeypatch.setattr(Paying, "pays", staticmethod(WHAT_IS_PAID.get(what, Paying.pays)))
    expected, settings = RUNS[what]
    values = {name: value for name, value in {**QUICK, **settings}.items() if value is not None}
    (run,) = train(runs_dir=runs_dir, name="ill", **values)
    name, _, sentence = expected.partition(": ")
    found = {finding["name"]: finding for finding in run["diagnosis"]}
    assert name in found, run["diagnosis"]
    assert sentence in found[name]["sentence"], found[name]
    numbers = [word.strip(",%") for word in found[name]["evidence"].split()]
    assert any(np.char.isnumeric(number[:1]) for number in numbers if number) and found[name]["try"]
