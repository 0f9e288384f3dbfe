"""REINFORCE: the policy gradient itself (Williams 1992).

Neighbour of PPO-clip. Whole episodes, one pass, no ratio: nothing limits the step but the learning rate. What
an action is weighed by can be the return of its whole episode, or what came after it (an action cannot change
the past, so the rest is noise), each with or without the critic's estimate as a baseline.

Its formula asks for one step on a whole rollout, ``num_minibatches=1``. By default it takes a step on each of
4 parts, for where a step cannot be large, one is too little. Measured (docs/notes.md): CartPole is learned
either way, 500 with one step and 496 with 4; Pendulum is not, -552 with one step at its best rate and -215
with 32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ppo_cli.config.sections import Learning
from ppo_cli.learn import advantages, losses
from ppo_cli.learn.algorithms.base import Algorithm, FusedLoss, LossGradient, Targets
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Rollout


@dataclass(frozen=True)
class Reinforce(Algorithm):
    """The gradient of log pi, times the return.

    Attributes:
        returns: What an action is weighed by; what is subtracted from it are the critic's values, zeros where
            there is no critic.
    """

    returns: Literal["trajectory", "to-go"]

    @classmethod
    def make(cls, learning: Learning) -> Reinforce:
        """The algorithm with its settings."""
        return cls(learning.returns)

    def targets(self, rollout: Rollout, values: Tensor, hyper: Hyperparams) -> Targets:
        """Returns, and returns minus values (which are 0 without a critic)."""
        # Of a whole return the critic learns what is past, too: it cannot say what comes after a time limit.
        after = values if self.returns == "to-go" else torch.zeros_like(values)
        returns = rollout.rewards_to_go(after, hyper.gamma)
        if self.returns == "trajectory":
            returns = advantages.hold(returns, advantages.episode_starts(rollout.mask))
        return Targets(returns - values[:, :-1], returns, rollout.mask.float())

    def loss(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> Tensor:
        """L = -mean(log pi A). Its value says little: only its gradient is that of the return."""
        return losses.policy_gradient(policy.log_probs, batch.advantages, batch.weights)

    def loss_gradient(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> LossGradient:
        """-A / n, wherever the policy is."""
        return LossGradient(losses.policy_gradient_grad(batch.advantages, batch.weights))

    def fused_loss(self, hyper: Hyperparams) -> FusedLoss:
        """The policy gradient."""
        return FusedLoss("policy-gradient")
