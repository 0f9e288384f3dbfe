"""Advantage actor-critic (A2C; Mnih et al. 2016).

Neighbour of PPO-clip: what that becomes with one pass over the whole rollout in one step. The policy has not
moved yet when that step is taken, so there is no ratio, and nothing limits the step but the learning rate.
"""

from __future__ import annotations

from torch import Tensor

from ppo_cli.learn import losses
from ppo_cli.learn.algorithms.base import Algorithm, FusedLoss, LossGradient, Targets, gae_targets
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Rollout


class A2c(Algorithm):
    """The policy gradient of a few steps, weighed by generalised advantages."""

    def targets(self, rollout: Rollout, values: Tensor, hyper: Hyperparams) -> Targets:
        """Those of PPO-clip; with gae_lambda 1 they are the n-step returns of the paper."""
        return gae_targets(rollout, values, hyper)

    def loss(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> Tensor:
        """L = -mean(log pi A)."""
        return losses.policy_gradient(policy.log_probs, batch.advantages, batch.weights)

    def loss_gradient(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> LossGradient:
        """-A / n, wherever the policy is."""
        return LossGradient(losses.policy_gradient_grad(batch.advantages, batch.weights))

    def fused_loss(self, hyper: Hyperparams) -> FusedLoss:
        """The policy gradient."""
        return FusedLoss("policy-gradient")
