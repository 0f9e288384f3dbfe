"""PPO with the clipped surrogate (Schulman et al. 2017).

How far one update may move the policy is limited by making larger moves worthless.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ppo_cli import advantages as adv
from ppo_cli import losses
from ppo_cli.algorithms.base import LossTerms
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

    def loss(
        self,
        policy: PolicyOutput,
        new_values: Tensor,
        distribution: Distribution,
        batch: Batch,
        hyper: Hyperparams,
        eps_clip: Tensor,
    ) -> LossTerms:
        """Clipped surrogate + vf_coef * value loss - ent_coef * entropy."""
        weights = batch.weights
        new_log_probs, entropies = distribution.log_prob_and_entropy(policy, batch.actions)
        log_ratio = new_log_probs - batch.log_probs
        ratio = log_ratio.exp()

        policy_loss = losses.clipped_surrogate(ratio, batch.advantages, eps_clip, weights)
        value_loss = losses.value_loss(new_values, batch.values, batch.returns, hyper.eps_clip_vf, weights)
        entropy = masked_mean(entropies, weights)
        loss = policy_loss + hyper.vf_coef * value_loss - hyper.ent_coef * entropy

        with torch.no_grad():
            kl = losses.approx_kl(log_ratio, ratio, weights)
            metrics = {
                "train/policy_loss": policy_loss,
                "train/value_loss": value_loss,
                "train/entropy": entropy,
                "train/approx_kl": kl,
                "train/clip_fraction": losses.clip_fraction(ratio, eps_clip, weights),
            }
            return LossTerms(loss, {name: value.detach() for name, value in metrics.items()}, kl)
