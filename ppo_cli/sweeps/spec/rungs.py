"""Rungs: the iterations after which pruning stops the worse half of the points."""

from __future__ import annotations

import math

from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError

RUNGS = (1 / 8, 1 / 4, 1 / 2)
"""Shares of the steps after which the worse half of the points is stopped."""


def rung_iteration(config: RunConfig, share: float) -> int:
    """The iteration after which a run stands at a rung: that of the evaluation nearest to ``share``.

    Raises:
        UsageError: The run is never evaluated on its way.
    """
    evaluations = config.evaluation.num_evals
    if evaluations < 2:
        raise UsageError(
            f"--prune judges runs on their way, and num_evals is {evaluations}",
            hint="--set num_evals=10",
            key="evaluation.num_evals",
        )
    number = min(max(1, round(share * evaluations)), evaluations - 1)
    return math.ceil(number * config.num_iterations / evaluations)


def rung_step(config: RunConfig, share: float) -> int:
    """Environment steps of a run that stands at a rung."""
    return rung_iteration(config, share) * config.steps_per_iteration


def rung_name(share: float) -> str:
    """A rung in words.

    >>> rung_name(1 / 8)
    'rung at 12.5 % of the steps'
    """
    return f"rung at {100 * share:g} % of the steps"
