"""`ppo`: PPO experiments on classic control from one command line, and from Python.

    from ppo_cli import train, sweep, evaluate, compare, load_runs, load_policy
    from ppo_cli import prefer, fit_reward_model

Axes, the one legend for every tensor in this package:

    M  members of the population (seeds x per-member hyperparameters)   always first
    T  num_steps, time within a rollout
    N  num_envs, environments of one member
    B  transitions of one member in a (mini)batch, T*N flattened
    O  observation size      A  number of actions, or action size
    H  hidden units          P  parameters of one member
    E  epochs of an update   K  minibatches of an epoch

Some rooms have letters of their own. R rows are the networks of a stack in ``nn.mlp``, the M*N environments
in ``envs``, the learning rates of a member in ``nn.optim``. A policy's head has K columns, an environment K
shaping terms.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ppo_cli.version import __version__

if TYPE_CHECKING:
    from ppo_cli.api.compare import compare
    from ppo_cli.api.evaluate import evaluate
    from ppo_cli.api.prefer import prefer
    from ppo_cli.api.reward_model import fit_reward_model
    from ppo_cli.api.runs import Run, load_runs
    from ppo_cli.api.sweep import sweep
    from ppo_cli.api.train import train
    from ppo_cli.play.policy import Policy, load_policy

__all__ = ["Policy", "Run", "__version__"]
__all__ += [
    "compare",
    "evaluate",
    "fit_reward_model",
    "load_policy",
    "load_runs",
    "prefer",
    "sweep",
    "train",
]

_HOMES = {
    "train": "ppo_cli.api.train",
    "sweep": "ppo_cli.api.sweep",
    "evaluate": "ppo_cli.api.evaluate",
    "compare": "ppo_cli.api.compare",
    "prefer": "ppo_cli.api.prefer",
    "fit_reward_model": "ppo_cli.api.reward_model",
    "load_runs": "ppo_cli.api.runs",
    "Run": "ppo_cli.api.runs",
    "load_policy": "ppo_cli.play.policy",
    "Policy": "ppo_cli.play.policy",
}


def __getattr__(name: str) -> Any:
    """Import a verb, and with it torch, only for those who ask for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
