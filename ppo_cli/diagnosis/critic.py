"""Illnesses of the critic: what it says of a state says nothing about what comes."""

from __future__ import annotations

import numpy as np

from ppo_cli.diagnosis.logs import Finding, RunLogs, middle, text, there
from ppo_cli.diagnosis.policy import FEW, scale_for

LARGE_LOSS = 1e3
NEXT_TO_NOTHING = 0.01


def explains_nothing(logs: RunLogs) -> Finding | None:
    """The explained variance is 0 or less to the end."""
    half = logs.iterations // 2
    explained, loss = (
        logs.column("train/explained_variance")[half:],
        middle(logs.column("train/value_loss")[half:]),
    )
    there_is = there(explained)
    if len(there_is) < FEW or logs.share < 0.3 or np.quantile(there_is, 0.9) > 0.01:
        return None
    if loss < NEXT_TO_NOTHING * np.max(there(logs.column("train/value_loss"))):
        return None  # there is nothing left to explain: all returns are about the same
    evidence = f"explained_variance {text(middle(explained))}, value_loss {text(loss)} in the second half"
    if loss > LARGE_LOSS:
        sentence = "The critic explains nothing: rewards are on a scale that it cannot learn."
        return Finding("rewards_too_large", sentence, evidence, f"reward_scale={scale_for(logs)}")
    return Finding(
        "critic_explains_nothing",
        "The critic explains nothing: advantages are as noisy as the returns.",
        evidence,
        "a larger critic_learning_rate or vf_coef, normalize_obs=true, or a gamma nearer to 0",
    )
