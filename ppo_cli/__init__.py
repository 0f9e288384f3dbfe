"""`ppo`: PPO experiments on classic control from one command line.

Axes, the one legend for every tensor in this package:

    M  members of the population (seeds x per-member hyperparameters)   always first
    T  num_steps, time within a rollout
    N  num_envs, environments of one member
    B  transitions of one member in a (mini)batch, T*N flattened
    O  observation size      A  number of actions, or action size
    H  hidden units          P  parameters of one member
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ppo_cli.play.policy import Policy, load_policy

__version__ = "0.1.0"
__all__ = ["Policy", "__version__", "load_policy"]


def __getattr__(name: str) -> Any:
    """Import the policy, and with it torch, only for those who ask for it."""
    if name in ("Policy", "load_policy"):
        from ppo_cli.play import policy

        return getattr(policy, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
