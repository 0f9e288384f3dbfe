"""Illnesses of the policy: it does not move, it stops to explore, it moves too far.

What is looked at is what practitioners look at: KL divergence, entropy, clip fraction, gradients (Schulman,
"Nuts and Bolts of Deep RL Experimentation"; Jones, "Debugging RL, Without the Agonizing Pain").
"""

from __future__ import annotations

import math

import numpy as np

from ppo_cli.diagnosis.logs import Finding, RunLogs, is_at_its_best, middle, text, there

STANDS_STILL_KL = 1e-6
"""Nats per update, nine in ten of them below: in 500 such updates nothing comes together."""
FEW, EARLY = 20, 0.1
"""A policy is judged after so many updates, and after this share of the training."""
FIRST = 5
"""Updates that may move a policy before the critic's gradient has grown so large that none does."""

COLLAPSED, NEXT_TO_NOTHING = 0.05, 0.02
"""Of the entropy at first, and in nats."""

TOO_FAR_KL, TOO_FAR_CLIPPED = 0.1, 0.5
TOO_STEEP, TOO_SLOW = 100.0, 1e-6


def does_not_move(logs: RunLogs) -> Finding | None:
    """The updates leave the policy as it was.

    Minibatches are measured before their steps: where an update is a single step, nothing has moved by then,
    and the log does not tell.
    """
    facts, learning = logs.config.facts, logs.config.learning
    if facts.num_passes(learning) * facts.num_minibatches(learning) == 1:
        return None
    before_the_end = max(FEW, int(0.8 * logs.config.num_iterations))  # an annealed rate ends at 0
    kl = there(logs.column("train/approx_kl")[FIRST:before_the_end])
    if len(kl) < FEW - FIRST or logs.share < EARLY or np.quantile(np.abs(kl), 0.9) > STANDS_STILL_KL:
        return None
    if is_at_its_best(logs):
        return None
    norm, rate = middle(logs.column("train/grad_norm")), learning.learning_rate
    evidence = (
        f"approx_kl {text(middle(kl))} in the middle, entropy {text(middle(logs.column('train/entropy')))}"
    )
    evidence += f", gradient {text(norm)} against max_grad_norm {text(learning.max_grad_norm)}"
    if norm > TOO_STEEP * learning.max_grad_norm:
        why = "clipping takes nearly all of the gradient away, and most of that is the critic's"
        remedy = f"reward_scale={scale_for(logs)}, so that the critic's errors become small"
    elif rate < TOO_SLOW:
        why, remedy = f"the learning rate is {text(rate)}", "a learning_rate of 1e-4 to 1e-3"
    else:
        why = "all actions seem to be worth the same"
        remedy = "look whether rewards depend on the actions at all; a shaping term may show the way"
    return Finding("policy_does_not_move", f"The policy does not move: {why}.", evidence, remedy)


def stops_exploring(logs: RunLogs) -> Finding | None:
    """The entropy fell to next to nothing while most of the training was still to come."""
    entropy = logs.column("train/entropy")
    if len(entropy) < FEW or np.isfinite(logs.column("train/std")).any():
        return None  # the entropy of continuous actions has no zero to compare with
    first = entropy[0]
    low = entropy < max(COLLAPSED * first, NEXT_TO_NOTHING)  # a first update may have taken it all
    early = int(0.2 * logs.config.num_iterations)
    if not first > 0 or logs.share < 0.3 or not low[early:].all() or not low[: early + 1].any():
        return None
    returns = there(logs.column("rollout/episode_return")[early:])
    spread = np.ptp(there(logs.column("rollout/episode_return"))) if len(returns) else 0.0
    if len(returns) and np.max(returns) - returns[0] > 0.2 * spread > 0:
        return None  # it has learned all the same
    evidence = (
        f"entropy {text(first)} at first, {text(entropy[early])} after a fifth, {text(entropy[-1])} now"
    )
    return Finding(
        "entropy_collapsed",
        "The policy stopped exploring early, and has learned nothing since.",
        evidence,
        "an ent_coef of 0.001 to 0.05, or a smaller learning_rate",
    )


def moves_too_far(logs: RunLogs) -> Finding | None:
    """Most updates change the policy so much that what was collected says little about it."""
    since = logs.iterations // 2
    kl, clipped = (middle(logs.column(f"train/{name}")[since:]) for name in ("approx_kl", "clip_fraction"))
    if logs.iterations < FEW or not (kl > TOO_FAR_KL or clipped > TOO_FAR_CLIPPED):
        return None
    fraction = "" if math.isnan(clipped) else f", clip_fraction {text(clipped)}"
    return Finding(
        "policy_moves_too_far",
        "The policy moves too far in each update.",
        f"approx_kl {text(kl)}{fraction} in the middle of the second half (0.01 and 0.1 are usual)",
        "a smaller learning_rate, fewer num_epochs, or target_kl=0.02",
    )


def scale_for(logs: RunLogs) -> str:
    """The power of ten as reward_scale that brings the value loss to about 10, as tuned settings have it."""
    loss = middle(logs.column("train/value_loss"))
    if not loss > 0:
        return "0.01"
    exponent = round(math.log10(logs.config.learning.reward_scale * math.sqrt(10 / loss)))
    return f"{10.0 ** min(6, max(-6, exponent)):g}"
