"""PPO with an adaptive KL penalty (Schulman et al. 2017, section 4).

Neighbour of PPO-clip. The surrogate is not clipped; instead every move away from the policy that collected
costs ``kl_coef`` times the exact KL divergence. After each update the price is doubled or halved, to bring
that divergence near ``kl_target``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ppo_cli import losses
from ppo_cli.algorithms.base import Targets
from ppo_cli.algorithms.ppo_clip import PpoClip
from ppo_cli.hyperparams import Hyperparams
from ppo_cli.rollout import Batch, Rollout, collect_steps

TOLERANCE = 1.5
SMALLEST, LARGEST = 1e-6, 1e6  # so that kl_coef finds its way back from either side


class PpoKl:
    """Generalised advantage estimation and a surrogate with a KL penalty."""

    collect = staticmethod(collect_steps)
    has_critic = True
    reference = None
    logged = ("kl_coef",)

    def targets(self, rollout: Rollout, rewards: Tensor, values: Tensor, hyper: Hyperparams) -> Targets:
        """Those of PPO-clip."""
        return PpoClip().targets(rollout, rewards, values, hyper)

    def by_log_prob(self, log_ratio: Tensor, batch: Batch, hyper: Hyperparams) -> Tensor:
        """Of L = -mean(ratio A); the penalty is not a function of the actions taken."""
        return losses.surrogate_by_log_prob(log_ratio.exp(), batch.advantages, batch.weights)

    def metrics(self, log_ratio: Tensor, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
        """The loss without its penalty."""
        return {"train/policy_loss": losses.surrogate(log_ratio.exp(), batch.advantages, batch.weights)}

    @staticmethod
    def adapt_kl_coef(
        kl_coef: Tensor,  # [M]
        kl: Tensor,  # [M], KL(pi_old || pi) over the rollout after the update
        kl_target: Tensor,  # [M], infinite where kl_coef stays as it is
    ) -> Tensor:  # [M]
        """Half of it where the policy moved less than kl_target / 1.5, twice where more than 1.5 times it."""
        moved_little, moved_far = kl < kl_target / TOLERANCE, kl > kl_target * TOLERANCE
        changed = torch.where(moved_far, kl_coef * 2, torch.where(moved_little, kl_coef / 2, kl_coef))
        return torch.where(kl_target.isinf(), kl_coef, changed.clamp(SMALLEST, LARGEST))
