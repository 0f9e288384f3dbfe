"""Group-relative policy optimisation (Shao et al. 2024), with options of DAPO and Dr. GRPO.

Neighbour of PPO-clip, without a critic: several episodes are played from one start state, and an episode is
good when it pays more than the others of its group. All of its steps get that advantage. A penalty holds the
policy to a reference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from ppo_cli.config.sections import Learning
from ppo_cli.learn import advantages, losses
from ppo_cli.learn.algorithms.base import Algorithm, FusedLoss, LossGradient, Targets
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Rollout
from ppo_cli.nn.masked import masked_mean

ROUNDING = 1e-5  # returns that differ by less, relative to the rewards that they are sums of, are equal
LARGEST_LOG_RATIO = 60.0


@dataclass(frozen=True)
class Grpo(Algorithm):
    """Advantages within groups of episodes, clipped surrogate, penalty to a reference.

    Attributes:
        group_size: Episodes that are played from one start state.
        loss_mean: Whether every step counts the same, or every episode.
    """

    group_size: int
    loss_mean: Literal["steps", "episodes"]

    @classmethod
    def make(cls, learning: Learning) -> Grpo:
        """The algorithm with its settings."""
        return cls(learning.group_size, learning.loss_mean)

    def targets(self, rollout: Rollout, values: Tensor, hyper: Hyperparams) -> Targets:
        """The episode's return relative to its group, for all of its steps."""
        terminated, truncated = rollout.terminated, rollout.truncated
        returns = rollout.rewards_to_go(values, hyper.gamma)
        magnitude = replace(rollout, rewards=rollout.rewards.abs()).rewards_to_go(values, hyper.gamma)
        relative, differ = advantages.group_relative(
            returns, self.group_size, (hyper.divide_by_std > 0)[:, None, None], ROUNDING * magnitude
        )
        # The episodes of a group start at the same step: there, and only there, these are theirs.
        starts = advantages.episode_starts(rollout.mask)
        weights = rollout.mask.float()
        if self.loss_mean == "episodes":
            weights = weights / advantages.hold(
                advantages.episode_lengths(terminated, truncated), starts
            ).clamp(min=1.0)
        keep = differ | (hyper.dynamic_sampling == 0)[:, None, None]
        weights = weights * advantages.hold(keep.float(), starts)
        return Targets(advantages.hold(relative, starts), returns, weights)

    def loss(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> Tensor:
        """L = -mean min(ratio A, clip(ratio) A) + kl_coef mean k3(reference)."""
        penalty = masked_mean(losses.k3(_to_reference(policy, batch)), batch.weights)
        return _surrogate(policy, batch, hyper) + hyper.kl_coef * penalty

    def loss_gradient(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> LossGradient:
        """Differentiate the clipped surrogate and the penalty with respect to log pi."""
        grad_surrogate = losses.clipped_surrogate_grad(
            policy.log_ratio.exp(), batch.advantages, hyper.eps_clip, hyper.clip_higher, batch.weights
        )
        grad_penalty = losses.k3_grad(_to_reference(policy, batch)) * batch.weights
        return LossGradient(grad_surrogate + hyper.kl_coef[:, None] * grad_penalty)

    def fused_loss(self, hyper: Hyperparams) -> FusedLoss:
        """The clipped surrogate and the penalty."""
        return FusedLoss(
            "clipped",
            ("train/policy_loss", "train/clip_fraction", "train/kl_reference"),
            eps_low=hyper.eps_clip,
            eps_high=hyper.clip_higher,
            reference_coef=hyper.kl_coef,
        )

    def metrics(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
        """The loss without its penalty, how often it was clipped, and how far the reference is."""
        ratio, weights = policy.log_ratio.exp(), batch.weights
        return {
            "train/policy_loss": _surrogate(policy, batch, hyper),
            "train/clip_fraction": losses.clip_fraction(ratio, hyper.eps_clip, hyper.clip_higher, weights),
            "train/kl_reference": masked_mean(losses.k3(_to_reference(policy, batch)), weights),
        }


def _surrogate(policy: PolicyView, batch: Batch, hyper: Hyperparams) -> Tensor:
    return losses.clipped_surrogate(
        policy.log_ratio.exp(), batch.advantages, hyper.eps_clip, hyper.clip_higher, batch.weights
    )


def _to_reference(policy: PolicyView, batch: Batch) -> Tensor:  # [..., M, B]
    """Log of pi_ref / pi of the actions taken, cut off where its exponential would be infinite."""
    assert batch.ref_log_probs is not None
    log_probs = policy.log_ratio + batch.log_probs
    return (batch.ref_log_probs - log_probs).clamp(max=LARGEST_LOG_RATIO)
