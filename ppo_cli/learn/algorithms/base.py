"""The interface of an algorithm: how it judges a rollout, and which loss the policy minimises.

All share the rest of the loss, vf_coef * value loss - ent_coef * entropy, and the loop around it. What is
known of an algorithm without running it (what it collects, whether it has a critic, its settings and metrics)
stands in ``config.algorithms``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from torch import Tensor

from ppo_cli.config.sections import Learning
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.rollout import Rollout


@dataclass(frozen=True)
class Targets:
    """An algorithm's judgement of a rollout; each ``[M, T, N]``.

    Attributes:
        advantages: How much better an action was than expected.
        returns: Value targets: what the critic is to learn.
        weights: How much a step counts, 0 for what is not learned from.
    """

    advantages: Tensor
    returns: Tensor
    weights: Tensor


@dataclass(frozen=True)
class LossGradient:
    """The derivative of an algorithm's loss, written out.

    Attributes:
        log_probs: With respect to log pi of the actions taken, ``[M, B]``.
        kl: With respect to KL(pi_old || pi), ``[M, B]``; None where the loss has no such term.
    """

    log_probs: Tensor
    kl: Tensor | None = None


@dataclass(frozen=True)
class FusedLoss:
    """An algorithm's loss as terms that the compiled kernels know, with a number for each member.

        L = -mean gain + kl_coef mean KL(pi_old || pi) + reference_coef mean k3(reference)

    Attributes:
        gain: What is to become large, by its name: log pi A, ratio A, min(ratio A, clip(ratio) A), or
            ratio A - |A| (ratio - 1)^2 / (2 eps_high).
        metrics: The metrics that the algorithm reports, of those that the kernels measure.
        eps_low: The clip range is from 1 - eps_low, ``[M]``; None for no bound.
        eps_high: To 1 + eps_high, ``[M]``.
        kl_coef: Weight of the exact divergence from the policy at collection, ``[M]``; None for no such term.
        reference_coef: Weight of the estimated divergence from the reference, ``[M]``; None for no such term.
    """

    gain: Literal["policy-gradient", "surrogate", "clipped", "parabola"]
    metrics: tuple[str, ...] = ("train/policy_loss",)
    eps_low: Tensor | None = None
    eps_high: Tensor | None = None
    kl_coef: Tensor | None = None
    reference_coef: Tensor | None = None


@dataclass(frozen=True)
class Adapted:
    """Changes that an algorithm makes after an update.

    Attributes:
        hyperparams: New values of hyperparameters, ``[M]`` each, by name; part of the training state.
        metrics: What it measured for that, ``[M]`` each, by metric name.
    """

    hyperparams: dict[str, Tensor] = field(default_factory=dict)
    metrics: dict[str, Tensor] = field(default_factory=dict)


class Algorithm(ABC):
    """A way to improve a policy from rollouts. Targets and loss must be written; the rest has defaults."""

    needs_kl: ClassVar[bool] = False
    """Whether the loss uses ``policy.kl``: the policy's output at collection is then kept."""

    @classmethod
    def make(cls, learning: Learning) -> Algorithm:
        """Make the algorithm from its settings."""
        return cls()

    @abstractmethod
    def targets(
        self,
        rollout: Rollout,
        values: Tensor,  # [M, T + 1, N], zeros without a critic
        hyper: Hyperparams,
    ) -> Targets:
        """Judge a rollout: advantages and value targets from ``rollout.rewards``."""

    @abstractmethod
    def loss(
        self,
        policy: PolicyView,  # on the batch
        batch: Batch,
        hyper: Hyperparams,  # annealed
    ) -> Tensor:  # [M]
        """Compute the policy's loss on one minibatch: the formula of the algorithm."""

    def loss_gradient(self, policy: PolicyView, batch: Batch, hyper: Hyperparams) -> LossGradient | None:
        """Compute the derivative of :meth:`loss` where it is written out; None leaves it to autograd.

        It saves the bookkeeping of autograd, and a test holds it to ``loss``.
        """
        return None

    def fused_loss(self, hyper: Hyperparams) -> FusedLoss | None:
        """:meth:`loss` as terms that the compiled kernels know; None where it has others.

        The kernels then compute loss, gradient and metrics in one go. A test holds them to ``loss``.
        """
        return None

    def metrics(
        self,
        policy: PolicyView,  # [K, M, B], without its kl
        batch: Batch,  # [K, M, B, ...]
        hyper: Hyperparams,
    ) -> dict[str, Tensor]:
        """Compute metrics of K minibatches, ``[K, M]`` each by name; the names are declared in the facts."""
        return {"train/policy_loss": self.loss(policy, batch, hyper)}

    def after_update(
        self, view_policy: Callable[[], PolicyView], batch: Batch, hyper: Hyperparams
    ) -> Adapted:
        """Adapt hyperparameters to how the update went.

        Args:
            view_policy: Gives the new policy on the whole rollout, which takes a pass through the networks.
            batch: The whole rollout, ``[M, B, ...]``.
            hyper: The hyperparameters of the update.
        """
        return Adapted()


def gae_targets(rollout: Rollout, values: Tensor, hyper: Hyperparams) -> Targets:
    """Compute advantages by GAE, and value targets as advantages plus values; every real step weighs 1."""
    estimates = rollout.gae(values, hyper.gamma, hyper.gae_lambda)
    return Targets(estimates, estimates + values[:, :-1], rollout.mask.float())
