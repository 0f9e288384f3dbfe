"""PPO with the clipped surrogate (Schulman et al. 2017).

How far one update may move the policy is limited by making larger moves worthless.
"""

from __future__ import annotations

from torch import Tensor

from ppo_cli import advantages as adv
from ppo_cli import losses
from ppo_cli.algorithms.base import Derivatives
from ppo_cli.hyperparams import Hyperparams
from ppo_cli.masked import masked_mean
from ppo_cli.nn.actor_critic import PolicyOutput
from ppo_cli.nn.distributions import Distribution
from ppo_cli.rollout import Batch, Rollout


class PpoClip:
    """Generalised advantage estimation, clipped surrogate, value loss, entropy bonus."""

    def targets(self, rollout: Rollout, values: Tensor, hyper: Hyperparams) -> tuple[Tensor, Tensor]:
        """Advantages by GAE; value targets are advantages plus values."""
        rewards = rollout.rewards * hyper.reward_scale[:, None, None]
        estimates = adv.gae(
            rewards, values, rollout.terminated, rollout.truncated, hyper.gamma, hyper.gae_lambda
        )
        return estimates, estimates + values[:, :-1]

    def derivatives(
        self,
        policy: PolicyOutput,
        new_values: Tensor,
        distribution: Distribution,
        batch: Batch,
        hyper: Hyperparams,
    ) -> Derivatives:
        """Of clipped surrogate + vf_coef * value loss - ent_coef * entropy."""
        weights = batch.weights
        new_log_probs, entropies = distribution.log_prob_and_entropy(policy, batch.actions)
        log_ratio = new_log_probs - batch.log_probs
        by_value = losses.value_loss_by_value(
            new_values, batch.values, batch.returns, hyper.value_clip, weights
        )
        return Derivatives(
            by_log_prob=losses.clipped_surrogate_by_log_prob(
                log_ratio.exp(), batch.advantages, hyper.eps_clip, weights
            ),
            by_entropy=weights * -hyper.ent_coef[:, None],
            by_value=by_value.mul_(hyper.vf_coef[:, None]),
            log_ratio=log_ratio,
            entropies=entropies,
        )

    def metrics(
        self, log_ratio: Tensor, entropies: Tensor, new_values: Tensor, batch: Batch, hyper: Hyperparams
    ) -> dict[str, Tensor]:
        """The parts of the loss, and how far the policy has moved."""
        weights, ratio = batch.weights, log_ratio.exp()
        return {
            "train/policy_loss": losses.clipped_surrogate(ratio, batch.advantages, hyper.eps_clip, weights),
            "train/value_loss": losses.value_loss(
                new_values, batch.values, batch.returns, hyper.value_clip, weights
            ),
            "train/entropy": masked_mean(entropies, weights),
            "train/approx_kl": losses.approx_kl(log_ratio, ratio, weights),
            "train/clip_fraction": losses.clip_fraction(ratio, hyper.eps_clip, weights),
        }
