"""Group-relative policy optimisation (Shao et al. 2024), with options of DAPO and Dr. GRPO.

Neighbour of PPO-clip, without a critic: several episodes are played from one start state, and an episode is
good when it pays more than the others of its group. All of its steps get that advantage. A penalty holds the
policy to a reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ppo_cli.learn import advantages, losses
from ppo_cli.learn.algorithms.base import Targets
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Batch, Rollout, collect_episodes
from ppo_cli.nn.masked import masked_mean

ROUNDING = 1e-5  # returns that differ by less, relative to the rewards that they are sums of, are equal
LARGEST_LOG_RATIO = 60.0


@dataclass(frozen=True)
class Grpo:
    """Advantages within groups of episodes, clipped surrogate, penalty to a reference.

    Attributes:
        group_size: Episodes that are played from one start state.
        loss_mean: Whether every step counts the same, or every episode.
        reference: The policy that the penalty holds on to, ``"initial"`` or a path.
    """

    group_size: int
    loss_mean: Literal["steps", "episodes"]
    reference: str

    collect = staticmethod(collect_episodes)
    has_critic = False
    penalty = None
    logged = ("eps_clip",)

    def targets(self, rollout: Rollout, rewards: Tensor, values: Tensor, hyper: Hyperparams) -> Targets:
        """The episode's return relative to its group, for all of its steps."""
        terminated, truncated = rollout.terminated, rollout.truncated
        returns = advantages.rewards_to_go(rewards, values, terminated, truncated, hyper.gamma)
        magnitude = advantages.rewards_to_go(rewards.abs(), values, terminated, truncated, hyper.gamma)
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

    def by_log_prob(self, log_ratio: Tensor, batch: Batch, hyper: Hyperparams) -> Tensor:
        """Of L = -mean min(ratio A, clip(ratio) A) + kl_coef mean k3(reference)."""
        by_surrogate = losses.clipped_surrogate_by_log_prob(
            log_ratio.exp(), batch.advantages, hyper.eps_clip, hyper.clip_higher, batch.weights
        )
        by_penalty = losses.k3_by_log_prob(_to_reference(log_ratio, batch)) * batch.weights
        return by_surrogate + hyper.kl_coef[:, None] * by_penalty

    def metrics(self, log_ratio: Tensor, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
        """The loss without its penalty, how often it was clipped, and how far the reference is."""
        ratio, weights = log_ratio.exp(), batch.weights
        low, high = hyper.eps_clip, hyper.clip_higher
        return {
            "train/policy_loss": losses.clipped_surrogate(ratio, batch.advantages, low, high, weights),
            "train/clip_fraction": losses.clip_fraction(ratio, low, high, weights),
            "train/kl_reference": masked_mean(losses.k3(_to_reference(log_ratio, batch)), weights),
        }


def _to_reference(log_ratio: Tensor, batch: Batch) -> Tensor:  # [..., M, B]
    """Log of pi_ref / pi of the actions taken, cut off where its exponential would be infinite."""
    assert batch.ref_log_probs is not None
    return (batch.ref_log_probs - (log_ratio + batch.log_probs)).clamp(max=LARGEST_LOG_RATIO)
