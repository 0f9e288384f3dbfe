"""Which distributions suit which actions. No torch, so that plans can be checked without it."""

from __future__ import annotations

import numpy as np

from ppo_cli.errors import UsageError
from ppo_cli.spaces import ActionSpec


def check_suits(action: ActionSpec, policy: str, squash: bool) -> None:
    """Refuse a distribution that an action space cannot have.

    Args:
        action: The action space.
        policy: ``"gaussian"`` or ``"beta"``, of continuous actions.
        squash: Whether Gaussian actions are bent into the bounds.

    Raises:
        UsageError: The actions are discrete and the distribution is not, or they have no bounds and it needs
            some.
    """
    for setting, given in (("policy=beta", policy == "beta"), ("squash=true", squash)):
        if given and action.kind == "discrete":
            raise UsageError(
                f"{setting} is for continuous actions, and these are discrete",
                hint="leave it out: a choice among several has one distribution",
                key=f"network.{setting.partition('=')[0]}",
            )
        if given:
            _check_bounded(action, setting)


def _check_bounded(action: ActionSpec, setting: str) -> None:
    """Refuse actions without bounds for a policy that cannot do without them.

    Args:
        action: The action space.
        setting: What needs them, as in ``policy=beta``.

    Raises:
        UsageError: One is infinite, or they are too far apart for float32.
    """
    low, high = np.array(action.low, np.float32), np.array(action.high, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        wide = (~np.isfinite(high - low)).nonzero()[0].tolist()
    if wide:
        where = f"action {wide[0]} goes from {action.low[wide[0]]:g} to {action.high[wide[0]]:g}"
        raise UsageError(
            f"{setting} needs actions with finite bounds, and {where}",
            hint="take --set policy=gaussian --set squash=false: its actions need no bounds",
            key=f"network.{setting.partition('=')[0]}",
        )
