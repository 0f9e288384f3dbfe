"""PPO with the clipped surrogate (Schulman et al. 2017).

How far one update may move the policy is limited by making larger moves worthless.
"""

from __future__ import annotations

from torch import Tensor

from ppo_cli.learn import advantages, losses
from ppo_cli.learn.algorithms.base import Targets
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Batch, Rollout, collect_steps


class PpoClip:
    """Generalised advantage estimation and the clipped surrogate."""

    collect = staticmethod(collect_steps)
    has_critic = True
    reference = None
    penalty = None
    logged = ("eps_clip",)

    def targets(self, rollout: Rollout, rewards: Tensor, values: Tensor, hyper: Hyperparams) -> Targets:
        """Advantages by GAE; value targets are advantages plus values."""
        estimates = advantages.gae(
            rewards, values, rollout.terminated, rollout.truncated, hyper.gamma, hyper.gae_lambda
        )
        return Targets(estimates, estimates + values[:, :-1], rollout.mask.float())

    def by_log_prob(self, log_ratio: Tensor, batch: Batch, hyper: Hyperparams) -> Tensor:
        """Of L = -mean min(ratio A, clip(ratio, 1 - eps, 1 + eps) A)."""
        return losses.clipped_surrogate_by_log_prob(
            log_ratio.exp(), batch.advantages, hyper.eps_clip, hyper.eps_clip, batch.weights
        )

    def metrics(self, log_ratio: Tensor, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
        """The loss, and how often it was clipped."""
        ratio, eps, weights = log_ratio.exp(), hyper.eps_clip, batch.weights
        return {
            "train/policy_loss": losses.clipped_surrogate(ratio, batch.advantages, eps, eps, weights),
            "train/clip_fraction": losses.clip_fraction(ratio, eps, eps, weights),
        }
