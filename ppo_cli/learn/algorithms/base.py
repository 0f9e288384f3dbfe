"""The interface of an algorithm: how it judges a rollout, and which loss the policy minimises.

All share the rest of the loss, vf_coef * value loss - ent_coef * entropy, and the loop around it. What is
known of an algorithm without running it (what it collects, whether it has a critic, its settings and metrics)
stands in ``config.algorithms``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from ppo_cli.config.sections import Learning
from ppo_cli.learn import advantages
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
    estimates = advantages.gae(
        rollout.rewards, values, rollout.terminated, rollout.truncated, hyper.gamma, hyper.gae_lambda
    )
    return Targets(estimates, estimates + values[:, :-1], rollout.mask.float())
