"""PPO with the clipped surrogate (Schulman et al. 2017).

How far one update may move the policy is limited by making larger moves worthless.
"""

from __future__ import annotations

from torch import Tensor

from ppo_cli.learn import losses
from ppo_cli.learn.algorithms.base import Algorithm, FusedLoss, LossGradient, Targets, gae_targets
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Rollout


class PpoClip(Algorithm):
    """Generalised advantage estimation and the clipped surrogate."""

    def targets(self, rollout: Rollout, values: Tensor, hyper: Hyperparams) -> Targets:
        """Compute advantages by GAE; value targets are advantages plus values."""
        return gae_targets(rollout, values, hyper)

    def loss(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> Tensor:
        """L = -mean min(ratio A, clip(ratio, 1 - eps, 1 + eps) A)."""
        eps = hyper.eps_clip
        return losses.clipped_surrogate(policy.log_ratio.exp(), batch.advantages, eps, eps, batch.weights)

    def loss_gradient(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> LossGradient:
        """Differentiate with respect to log pi: 0 where the ratio is clipped, -ratio A / n elsewhere."""
        ratio, eps = policy.log_ratio.exp(), hyper.eps_clip
        return LossGradient(losses.clipped_surrogate_grad(ratio, batch.advantages, eps, eps, batch.weights))

    def fused_loss(self, hyper: Hyperparams) -> FusedLoss:
        """The clipped surrogate."""
        reported = ("train/policy_loss", "train/clip_fraction")
        return FusedLoss("clipped", reported, eps_low=hyper.eps_clip, eps_high=hyper.eps_clip)

    def metrics(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
        """Compute the loss, and the share of transitions outside the clip range."""
        ratio, eps, weights = policy.log_ratio.exp(), hyper.eps_clip, batch.weights
        return {
            "train/policy_loss": losses.clipped_surrogate(ratio, batch.advantages, eps, eps, weights),
            "train/clip_fraction": losses.clip_fraction(ratio, eps, eps, weights),
        }
