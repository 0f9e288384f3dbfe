"""Distributions over actions, batched over members: what the learner asks of one, and which there are.

Random numbers come in as ``noise`` that the member's own stream drew beforehand: sampling is a pure function.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ppo_cli.nn.beta import Beta
from ppo_cli.nn.bounds import Bounds
from ppo_cli.nn.categorical import Categorical
from ppo_cli.nn.gaussian import DiagonalGaussian
from ppo_cli.nn.policy_output import PolicyOutput
from ppo_cli.nn.suitable import check_suits
from ppo_cli.spaces import ActionSpec


class Distribution(Protocol):
    """The interface of a distribution over actions; all reductions stay within a member."""

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Standard noise for :meth:`sample`, float32: of ``shape``, with one more axis if it takes more."""

    def sample(self, policy: PolicyOutput, noise: Tensor) -> Tensor:
        """Actions: ``[M, B]`` int64 when discrete, ``[M, B, A]`` float32 when continuous."""

    def send(self, actions: Tensor) -> Tensor:
        """Convert sampled actions for the environment, which cuts off what is out of bounds."""

    def mode(self, policy: PolicyOutput) -> Tensor:
        """The most likely actions."""

    def log_prob(self, policy: PolicyOutput, actions: Tensor) -> Tensor:
        """Log-probability (density) of actions, ``[M, B]``."""

    def log_prob_and_entropy(self, policy: PolicyOutput, actions: Tensor) -> tuple[Tensor, Tensor]:
        """The same, with the entropy in nats, ``[M, B]``; cheaper than one after the other."""

    def backward(
        self,
        policy: PolicyOutput,
        actions: Tensor,
        grad_log_prob: Tensor,  # [M, B]
        grad_entropy: Tensor,  # [M, B]
    ) -> tuple[Tensor, Tensor | None]:
        """Gradients of what the policy said from those of log-probability and entropy.

        Returns:
            The gradient of ``head [M, B, K]``, and of the log standard deviation ``[M, A]`` when actions are
            Gaussian.
        """

    def kl(self, old: PolicyOutput, new: PolicyOutput) -> Tensor:
        """KL(old || new) in nats, exact, ``[M, B]``."""

    def kl_backward(
        self,
        old: PolicyOutput,
        new: PolicyOutput,
        grad_kl: Tensor,  # [M, B]
    ) -> tuple[Tensor, Tensor | None]:
        """Gradients of what the new policy said from those of :meth:`kl`, as from :meth:`backward`."""


def make_distribution(action: ActionSpec, policy: str = "gaussian", squash: bool = False) -> Distribution:
    """The distribution for an action space.

    Args:
        action: The action space.
        policy: Of continuous actions, ``"gaussian"`` or ``"beta"``.
        squash: Whether Gaussian actions are bent into the bounds.

    Raises:
        UsageError: The actions are discrete and the distribution is not, or they have no bounds and it needs
            some.
    """
    check_suits(action, policy, squash)
    if action.kind == "discrete":
        return Categorical()
    if policy == "beta":
        return Beta(Bounds.of(action))
    return DiagonalGaussian(Bounds.of(action) if squash else None)


def sendable(actions: Tensor) -> Tensor:
    """Actions as an environment may get them: a diverged policy's NaN must not reach a physics engine."""
    return torch.nan_to_num(actions) if actions.is_floating_point() else actions
