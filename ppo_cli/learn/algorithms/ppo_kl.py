"""PPO with an adaptive KL penalty (Schulman et al. 2017, section 4).

Neighbour of PPO-clip. The surrogate is not clipped; instead every move away from the policy that collected
costs ``kl_coef`` times the exact KL divergence. After each update the price is doubled or halved, to bring
that divergence near ``kl_target``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ppo_cli.learn import losses
from ppo_cli.learn.algorithms.base import Targets
from ppo_cli.learn.algorithms.ppo_clip import PpoClip
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Batch, Rollout, collect_steps
from ppo_cli.nn.distributions import Distribution
from ppo_cli.nn.policy_output import PolicyOutput

TOLERANCE = 1.5
SMALLEST, LARGEST = 1e-6, 1e6  # so that kl_coef finds its way back from either side


class KlPenalty:
    """kl_coef * mean KL(pi_old || pi), with a weight that adapts."""

    coefficient = "kl_coef"

    def by_policy(
        self, distribution: Distribution, policy: PolicyOutput, batch: Batch, hyper: Hyperparams
    ) -> tuple[Tensor, Tensor | None]:
        """Derivative with respect to what the policy says; the actions taken do not matter to it."""
        assert batch.old_policy is not None
        return distribution.kl_backward(batch.old_policy, policy, batch.weights * hyper.kl_coef[:, None])

    def adapt(self, kl: Tensor, hyper: Hyperparams) -> Tensor:
        """Half of it where the policy moved less than kl_target / 1.5, twice where more than 1.5 times it.

        It stays as it is without a ``kl_target``, and so does 0.
        """
        kl_coef, kl_target = hyper.kl_coef, hyper.kl_target
        moved_little, moved_far = kl < kl_target / TOLERANCE, kl > kl_target * TOLERANCE
        changed = torch.where(moved_far, kl_coef * 2, torch.where(moved_little, kl_coef / 2, kl_coef))
        fixed = kl_target.isinf() | (kl_coef == 0)
        return torch.where(fixed, kl_coef, changed.clamp(SMALLEST, LARGEST))


class PpoKl:
    """Generalised advantage estimation and a surrogate with a KL penalty."""

    collect = staticmethod(collect_steps)
    has_critic = True
    reference = None
    penalty = KlPenalty()
    logged = ("kl_coef",)

    def targets(self, rollout: Rollout, rewards: Tensor, values: Tensor, hyper: Hyperparams) -> Targets:
        """Those of PPO-clip."""
        return PpoClip().targets(rollout, rewards, values, hyper)

    def by_log_prob(self, log_ratio: Tensor, batch: Batch, hyper: Hyperparams) -> Tensor:
        """Of L = -mean(ratio A); the penalty has a derivative of its own."""
        return losses.surrogate_by_log_prob(log_ratio.exp(), batch.advantages, batch.weights)

    def metrics(self, log_ratio: Tensor, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
        """The loss without its penalty."""
        return {"train/policy_loss": losses.surrogate(log_ratio.exp(), batch.advantages, batch.weights)}
