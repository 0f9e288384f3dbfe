"""REINFORCE: the policy gradient itself (Williams 1992).

Neighbour of PPO-clip. Whole episodes, one pass, no ratio: nothing limits the step but the learning rate. What
an action is weighed by can be the return of its whole episode, or what came after it (an action cannot change
the past, so the rest is noise), each with or without the critic's estimate as a baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ppo_cli.learn import advantages, losses
from ppo_cli.learn.algorithms.base import Targets
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Batch, Rollout, collect_episodes


@dataclass(frozen=True)
class Reinforce:
    """The gradient of log pi, times the return.

    Attributes:
        returns: What an action is weighed by.
        baseline: What is subtracted from it.
    """

    returns: Literal["trajectory", "to-go"]
    baseline: Literal["none", "value"]

    collect = staticmethod(collect_episodes)
    reference = None
    penalty = None
    logged = ()

    @property
    def has_critic(self) -> bool:
        """Only for the baseline."""
        return self.baseline == "value"

    def targets(self, rollout: Rollout, rewards: Tensor, values: Tensor, hyper: Hyperparams) -> Targets:
        """Returns, and returns minus values (which are 0 without a critic)."""
        # Of a whole return the critic learns what is past, too: it cannot say what comes after a time limit.
        after = values if self.returns == "to-go" else torch.zeros_like(values)
        found = advantages.rewards_to_go(rewards, after, rollout.terminated, rollout.truncated, hyper.gamma)
        if self.returns == "trajectory":
            found = advantages.hold(found, advantages.episode_starts(rollout.mask))
        return Targets(found - values[:, :-1], found, rollout.mask.float())

    def by_log_prob(self, log_ratio: Tensor, batch: Batch, hyper: Hyperparams) -> Tensor:
        """Of L = -mean(log pi A)."""
        return losses.policy_gradient_by_log_prob(batch.advantages, batch.weights)

    def metrics(self, log_ratio: Tensor, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
        """The loss. Its value says little: only its gradient is that of the return."""
        log_probs = log_ratio + batch.log_probs
        return {"train/policy_loss": losses.policy_gradient(log_probs, batch.advantages, batch.weights)}
