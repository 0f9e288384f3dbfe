"""PPO with an adaptive KL penalty (Schulman et al. 2017, section 4).

Neighbour of PPO-clip. The surrogate is not clipped; instead every move away from the policy that collected
costs ``kl_coef`` times the exact KL divergence. After each update ``kl_coef`` is doubled or halved, to bring
that divergence near ``kl_target``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ppo_cli.learn import losses
from ppo_cli.learn.algorithms.base import Adapted, Algorithm, FusedLoss, LossGradient, Targets, gae_targets
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Rollout
from ppo_cli.nn.masked import mask_weights, masked_mean

TOLERANCE = 1.5
SMALLEST, LARGEST = 1e-6, 1e6  # so that kl_coef finds its way back from either side


class PpoKl(Algorithm):
    """Generalised advantage estimation and a surrogate with a KL penalty."""

    needs_kl = True

    def targets(self, rollout: Rollout, values: Tensor, hyper: Hyperparams) -> Targets:
        """Compute advantages by GAE, as PPO-clip does; value targets are advantages plus values."""
        return gae_targets(rollout, values, hyper)

    def loss(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> Tensor:
        """L = -mean(ratio A) + kl_coef mean KL(pi_old || pi)."""
        surrogate = losses.surrogate(policy.log_ratio.exp(), batch.advantages, batch.weights)
        return surrogate + hyper.kl_coef * masked_mean(policy.kl, batch.weights)

    def loss_gradient(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> LossGradient:
        """Differentiate the surrogate with respect to log pi, the penalty with respect to the KL."""
        return LossGradient(
            log_probs=losses.surrogate_grad(policy.log_ratio.exp(), batch.advantages, batch.weights),
            kl=batch.weights * hyper.kl_coef[:, None],
        )

    def fused_loss(self, hyper: Hyperparams) -> FusedLoss:
        """The surrogate and the penalty."""
        return FusedLoss("surrogate", kl_coef=hyper.kl_coef)

    def metrics(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
        """The loss without its penalty."""
        loss = losses.surrogate(policy.log_ratio.exp(), batch.advantages, batch.weights)
        return {"train/policy_loss": loss}

    def after_update(
        self, view_policy: Callable[[], PolicyView], batch: Batch, hyper: Hyperparams
    ) -> Adapted:
        """Adapt ``kl_coef`` to how far the policy moved over the whole rollout."""
        kl = masked_mean(view_policy().kl, mask_weights(batch.weights))
        return Adapted({"kl_coef": adapted_kl_coef(kl, hyper)}, {"train/kl": kl})


def adapted_kl_coef(
    kl: Tensor,  # [M], KL(pi_old || pi) over the rollout after the update
    hyper: Hyperparams,
) -> Tensor:  # [M]
    """Halve kl_coef where kl < kl_target / 1.5, double it where kl > 1.5 kl_target.

    It stays as it is where it is 0, and where there is no ``kl_target``.
    """
    kl_coef, kl_target = hyper.kl_coef, hyper.kl_target
    moved_little, moved_far = kl < kl_target / TOLERANCE, kl > kl_target * TOLERANCE
    changed = torch.where(moved_far, kl_coef * 2, torch.where(moved_little, kl_coef / 2, kl_coef))
    fixed = kl_target.isinf() | (kl_coef == 0)
    return torch.where(fixed, kl_coef, changed.clamp(SMALLEST, LARGEST))
