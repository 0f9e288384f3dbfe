"""Illnesses that returns show: they fell, they still rise, evaluations part from them, episodes never end."""

from __future__ import annotations

import numpy as np

from ppo_cli.diagnosis.logs import PARTS, Finding, RunLogs, chance, smooth, text, there
from ppo_cli.diagnosis.policy import FEW

FELL, RISING, PARTED = 0.5, 0.15, 0.5
"""Shares of the range that returns went through."""
MANY_STEPS = 20_000


def fell(logs: RunLogs) -> Finding | None:
    """Returns fell from their best and stayed there."""
    returns = logs.column("rollout/episode_return")
    means = smooth(returns)
    if not len(means) or logs.share < 0.5:
        return None
    best, last = float(means.max()), float(means[-4:].max())
    spread = best - float(means.min())
    if spread <= 1e-9 or best - last < chance(returns):
        return None
    if best - last < FELL * spread or best - float(means[0]) < FELL * spread:
        return None
    at = (int(means.argmax()) + 0.5) / PARTS
    return Finding(
        "returns_fell",
        "Returns fell from their best and stayed there.",
        f"return {text(best)} after {at:.0%} of what is done, {text(last)} at best in the last fifth",
        "best_policy.safetensors has the best one; a smaller learning_rate, or target_kl=0.02, keeps it",
    )


def still_rising(logs: RunLogs) -> Finding | None:
    """Training ended while returns were rising."""
    returns = logs.column("rollout/episode_return")
    means = smooth(returns)
    if not len(means) or not logs.is_complete:
        return None
    spread = float(np.ptp(means))
    before, last = float(means[-4]), float(means[-1])
    rises = bool((np.diff(means[-4:]) > 0).all())
    least = max(RISING * spread, chance(returns))
    if spread <= 1e-9 or not rises or last - before < least or last < means.max():
        return None
    if logs.config.learning.anneal_lr and before - float(means[PARTS // 2]) < RISING * spread:
        return None  # as steps become small at the end, returns rise by themselves; before that they stood
    evaluated = logs.evaluations.get("mean", np.empty(0))
    if len(evaluated) > 2 and evaluated[-1] <= evaluated[:-1].max():
        return None  # only the noise of exploring still fades
    steps = logs.config.total_timesteps
    return Finding(
        "still_rising",
        "Returns were still rising when training ended.",
        f"return {text(before)} to {text(last)} in the last fifth",
        f"train longer: --total-timesteps {2 * steps} from the start, as the learning rate is annealed"
        if logs.config.learning.anneal_lr
        else f"go on: --resume RUN --total-timesteps {2 * steps}",
    )


def evaluation_parts(logs: RunLogs) -> Finding | None:
    """Evaluations stay far below the returns of training."""
    steps, means = (logs.evaluations.get(name, np.empty(0)) for name in ("global_step", "mean"))
    training = logs.column("rollout/episode_return")
    if len(means) < 3 or logs.iterations < FEW or logs.share < 0.3:
        return None
    at = np.searchsorted(logs.column("global_step"), steps[-3:]).clip(0, logs.iterations - 1)
    beside, finite = training[at], there(training)
    spread = float(np.ptp(finite)) if len(finite) else 0.0
    below = beside - means[-3:]
    if spread <= 1e-9 or not (below > PARTED * spread).all():
        return None
    return Finding(
        "evaluation_parts_from_training",
        "Evaluations are far below the returns of training: the most likely action is not what works.",
        f"the last three: {', '.join(map(text, means[-3:]))}, and {', '.join(map(text, beside))} in training",
        "ppo eval RUN --stochastic, which plays as training does; a smaller ent_coef or log_std_init",
    )


def episodes_never_end(logs: RunLogs) -> Finding | None:
    """No training episode has ended, or evaluations had to be cut off."""
    cut = logs.final.get("cut") or 0
    done, ended = (there(logs.column(name)) for name in ("global_step", "rollout/episodes"))
    steps = int(done[-1]) if len(done) else 0
    none_ended = len(ended) > 0 and ended[-1] == 0 and steps >= MANY_STEPS and logs.share > 0.1
    if not (cut or none_ended):
        return None
    evidence = f"{cut} of {logs.final.get('episodes')} episodes of the final evaluation were cut off"
    return Finding(
        "episodes_never_end",
        "Episodes do not end.",
        evidence if cut else f"none in {steps:,} steps",
        "a time limit: --set env_kwargs.max_episode_steps=1000",
    )
