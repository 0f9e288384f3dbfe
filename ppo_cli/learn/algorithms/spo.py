"""Simple Policy Optimization (SPO; Xie et al. 2024).

Neighbour of PPO-clip. Where that lets go of a transition whose ratio has left the clip range, this pulls the
ratio back: a parabola in it has its best value at the edge of the range, ratio = 1 + eps sign(A), and a slope
everywhere else.
"""

from __future__ import annotations

from torch import Tensor

from ppo_cli.learn import losses
from ppo_cli.learn.algorithms.base import Algorithm, FusedLoss, LossGradient, Targets, gae_targets
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Rollout
from ppo_cli.nn.masked import masked_mean


class Spo(Algorithm):
    """Generalised advantage estimation and a surrogate with a parabola in place of the clip."""

    def targets(self, rollout: Rollout, values: Tensor, hyper: Hyperparams) -> Targets:
        """Those of PPO-clip."""
        return gae_targets(rollout, values, hyper)

    def loss(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> Tensor:
        """L = -mean(ratio A - |A| / (2 eps) (ratio - 1)^2)."""
        ratio, advantages = policy.log_ratio.exp(), batch.advantages
        pull = advantages.abs() / (2 * hyper.eps_clip[:, None])
        return -masked_mean(ratio * advantages - pull * (ratio - 1).square(), batch.weights)

    def loss_gradient(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> LossGradient:
        """-ratio (A - |A| / eps (ratio - 1)) / n."""
        ratio, advantages = policy.log_ratio.exp(), batch.advantages
        slope = advantages.abs() / hyper.eps_clip[:, None] * (ratio - 1) - advantages
        return LossGradient(ratio * slope * batch.weights)

    def fused_loss(self, hyper: Hyperparams) -> FusedLoss:
        """The surrogate with its parabola."""
        reported = ("train/policy_loss", "train/clip_fraction")
        return FusedLoss("parabola", reported, eps_low=hyper.eps_clip, eps_high=hyper.eps_clip)

    def metrics(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
        """The loss, and how many ratios are beyond the edge to which it pulls them."""
        eps = hyper.eps_clip
        outside = losses.clip_fraction(policy.log_ratio.exp(), eps, eps, batch.weights)
        return {**super().metrics(policy, batch, hyper), "train/clip_fraction": outside}
