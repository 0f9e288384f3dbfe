"""PPO with an adaptive KL penalty (Schulman et al. 2017, section 4).

Neighbour of PPO-clip. The surrogate is not clipped; instead every move away from the policy that collected
costs ``kl_coef`` times the exact KL divergence. After each update the price is doubled or halved, to bring
that divergence near ``kl_target``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ppo_cli.learn import losses
from ppo_cli.learn.algorithms.base import Adapted, Algorithm, LossGradient, Targets, gae_targets
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Rollout
from ppo_cli.nn.masked import mask_weights, masked_mean

TOLERANCE = 1.5
SMALLEST, LARGEST = 1e-6, 1e6  # so that kl_coef finds its way back from either side


class PpoKl(Algorithm):
    """Generalised advantage estimation and a surrogate with a KL penalty."""

    looks_at_kl = True

    def targets(self, rollout: Rollout, values: Tensor, hyper: Hyperparams) -> Targets:
        """Those of PPO-clip."""
        return gae_targets(rollout, values, hyper)

    def loss(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> Tensor:
        """L = -mean(ratio A) + kl_coef mean KL(pi_old || pi)."""
        surrogate = losses.surrogate(policy.log_ratio.exp(), batch.advantages, batch.weights)
        return surrogate + hyper.kl_coef * masked_mean(policy.kl, batch.weights)

    def loss_gradient(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> LossGradient:
        """That of the surrogate with respect to log pi, of the penalty with respect to the divergence."""
        return LossGradient(
            log_probs=losses.surrogate_grad(policy.log_ratio.exp(), batch.advantages, batch.weights),
            kl=batch.weights * hyper.kl_coef[:, None],
        )

    def metrics(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
        """The loss without its penalty."""
        loss = losses.surrogate(policy.log_ratio.exp(), batch.advantages, batch.weights)
        return {"train/policy_loss": loss}

    def after_update(self, look: Callable[[], PolicyView], batch: Batch, hyper: Hyperparams) -> Adapted:
        """Adapt the price to how far the policy moved over the whole rollout."""
        moved = masked_mean(look().kl, mask_weights(batch.weights))
        return Adapted({"kl_coef": adapted_kl_coef(moved, hyper)}, {"train/kl": moved})


def adapted_kl_coef(
    kl: Tensor,  # [M], KL(pi_old || pi) over the rollout after the update
    hyper: Hyperparams,
) -> Tensor:  # [M]
    """Half of it where the policy moved less than kl_target / 1.5, twice where more than 1.5 times it.

    It stays as it is without a ``kl_target``, and so does 0.
    """
    kl_coef, kl_target = hyper.kl_coef, hyper.kl_target
    moved_little, moved_far = kl < kl_target / TOLERANCE, kl > kl_target * TOLERANCE
    changed = torch.where(moved_far, kl_coef * 2, torch.where(moved_little, kl_coef / 2, kl_coef))
    fixed = kl_target.isinf() | (kl_coef == 0)
    return torch.where(fixed, kl_coef, changed.clamp(SMALLEST, LARGEST))
