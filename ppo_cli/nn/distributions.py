"""Distributions over actions, batched over members: sample, log-probability, entropy, and their derivatives.

Random numbers come in as ``noise`` that the member's own stream drew beforehand: sampling is a pure function.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ppo_cli.nn.actor_critic import PolicyOutput
from ppo_cli.nn.beta import Beta
from ppo_cli.nn.bounds import Bounds
from ppo_cli.spaces import ActionSpec

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class Distribution(Protocol):
    """What the learner asks of a distribution; all reductions stay within a member."""

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Standard noise for :meth:`sample`, float32 ``[*shape]`` or with one more axis.

        Args:
            rng: The member's stream.
            shape: T, N, A, or as many of one step as there are observations: 1, B, A.
        """

    def sample(self, policy: PolicyOutput, noise: Tensor) -> Tensor:
        """Actions: ``[M, B]`` int64 when discrete, ``[M, B, A]`` float32 when continuous."""

    def mode(self, policy: PolicyOutput) -> Tensor:
        """The most likely actions."""

    def send(self, actions: Tensor) -> Tensor:
        """What the environment gets for actions ``[..., A]`` (``[...]`` when discrete)."""

    def log_prob(self, policy: PolicyOutput, actions: Tensor) -> Tensor:
        """Log-probability (density) of actions, ``[M, B]``."""

    def log_prob_and_entropy(self, policy: PolicyOutput, actions: Tensor) -> tuple[Tensor, Tensor]:
        """The same, with the entropy in nats, ``[M, B]``; cheaper than one after the other."""

    def backward(
        self, policy: PolicyOutput, actions: Tensor, by_log_prob: Tensor, by_entropy: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Gradients of what the policy said from those of log-probability and entropy, ``[M, B]`` each.

        Returns:
            The gradient of ``location [M, B, K]``, and of ``log_std [M, A]`` when actions are Gaussian.
        """

    def kl(self, old: PolicyOutput, new: PolicyOutput) -> Tensor:
        """KL(old || new) for each observation, exactly, ``[M, B]``."""

    def kl_backward(
        self, old: PolicyOutput, new: PolicyOutput, by_kl: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Gradients of what the new policy said, as :meth:`backward`, from that of :meth:`kl`, ``[M, B]``."""


class Categorical:
    """One of A choices, from logits."""

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Gumbel noise: the arg max of logits plus it is a sample of the categorical distribution."""
        exponential = rng.standard_exponential(shape, dtype=np.float32)
        return -np.log(
            np.maximum(exponential, np.finfo(np.float32).tiny)
        )  # float32 draws can be exactly zero

    def sample(self, policy: PolicyOutput, noise: Tensor) -> Tensor:
        """Sample by the Gumbel-max trick."""
        return (policy.location + noise).argmax(-1)

    def mode(self, policy: PolicyOutput) -> Tensor:
        """The choice with the largest logit."""
        return policy.location.argmax(-1)

    def send(self, actions: Tensor) -> Tensor:
        """The number of the choice."""
        return actions

    def log_prob(self, policy: PolicyOutput, actions: Tensor) -> Tensor:
        """Log p(a) = logit_a - log sum exp logits."""
        return self._pick(policy.location.log_softmax(-1), actions)

    def log_prob_and_entropy(self, policy: PolicyOutput, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Log p(a) and H = -sum p log p."""
        log_p = policy.location.log_softmax(-1)
        return self._pick(log_p, actions), -(log_p.exp() * log_p).sum(-1)

    def backward(
        self, policy: PolicyOutput, actions: Tensor, by_log_prob: Tensor, by_entropy: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """By logit j: [j = a] - p_j for log p(a), and -p_j (log p_j + H) for the entropy H."""
        log_p = policy.location.log_softmax(-1)
        p = log_p.exp()
        entropy = (p * log_p).sum(-1, keepdim=True).neg_()
        grad = log_p.add_(entropy).mul_(by_entropy[..., None]).add_(by_log_prob[..., None]).mul_(p).neg_()
        return grad.scatter_add_(-1, actions[..., None], by_log_prob[..., None]), None

    def kl(self, old: PolicyOutput, new: PolicyOutput) -> Tensor:
        """KL(old || new) = sum p_old (log p_old - log p_new)."""
        old_log_p = old.location.log_softmax(-1)
        return (old_log_p.exp() * (old_log_p - new.location.log_softmax(-1))).sum(-1)

    def kl_backward(
        self, old: PolicyOutput, new: PolicyOutput, by_kl: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """By new logit j: p_new,j - p_old,j."""
        return by_kl[..., None] * (_probabilities(new) - _probabilities(old)), None

    def _pick(self, log_p: Tensor, actions: Tensor) -> Tensor:
        return log_p.gather(-1, actions[..., None]).squeeze(-1)


class DiagonalGaussian:
    """A normal distribution with a standard deviation that does not depend on the state.

    With ``bounds`` it is squashed: a sample u is sent as low + (high - low) (tanh(u) + 1) / 2. ``actions``
    stay u, and log-probability, entropy and KL are those of u. What tanh adds to a log-probability depends on
    u alone, so ratios and KL are those of what is sent; the entropy is not.

    Args:
        bounds: Where actions are bent into the bounds, instead of being cut off by the environment.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Standard normal noise."""
        return rng.standard_normal(shape, dtype=np.float32)

    def sample(self, policy: PolicyOutput, noise: Tensor) -> Tensor:
        """A = mean + std * noise."""
        return torch.addcmul(policy.location, _log_std(policy)[:, None].exp(), noise)

    def mode(self, policy: PolicyOutput) -> Tensor:
        """The mean."""
        return policy.location

    def send(self, actions: Tensor) -> Tensor:
        """The sample, or bent into the bounds."""
        return actions if self.bounds is None else self.bounds.scale((actions.tanh() + 1) / 2)

    def log_prob(self, policy: PolicyOutput, actions: Tensor) -> Tensor:
        """Log p(a) = -sum(((a - mean) / std)^2 / 2 + log std + log(2 pi) / 2)."""
        log_std = _log_std(policy)[:, None]
        z = (actions - policy.location) * (-log_std).exp()
        return -(0.5 * z * z + (log_std + HALF_LOG_2PI)).sum(-1)

    def log_prob_and_entropy(self, policy: PolicyOutput, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Log p(a) and H = sum(log std + (1 + log(2 pi)) / 2), the same for every state."""
        per_member = (_log_std(policy) + (0.5 + HALF_LOG_2PI)).sum(-1)
        return self.log_prob(policy, actions), per_member[:, None].expand(policy.location.shape[:2])

    def backward(
        self, policy: PolicyOutput, actions: Tensor, by_log_prob: Tensor, by_entropy: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """By the mean: z / std for log p(a); by log std: z^2 - 1 for log p(a), and 1 for the entropy."""
        inverse_std = (-_log_std(policy))[:, None].exp()
        z = (actions - policy.location) * inverse_std
        by_location = by_log_prob[..., None] * z * inverse_std
        by_log_std = ((z * z - 1) * by_log_prob[..., None] + by_entropy[..., None]).sum(1)
        return by_location, by_log_std

    def kl(self, old: PolicyOutput, new: PolicyOutput) -> Tensor:
        """KL(old || new) = sum(log std_new / std_old + (std_old^2 + shift^2) / (2 std_new^2) - 1 / 2)."""
        log_ratio = (_log_std(old) - _log_std(new))[:, None]
        shift = (new.location - old.location) * (-_log_std(new))[:, None].exp()
        return (0.5 * (shift * shift + (2 * log_ratio).exp() - 1) - log_ratio).sum(-1)

    def kl_backward(
        self, old: PolicyOutput, new: PolicyOutput, by_kl: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """By mean: shift / std_new^2; by log std: 1 - (std_old^2 + shift^2) / std_new^2."""
        inverse_std = (-_log_std(new))[:, None].exp()
        shift = (new.location - old.location) * inverse_std
        std_ratio = (2 * (_log_std(old) - _log_std(new)))[:, None].exp()
        by_location = by_kl[..., None] * shift * inverse_std
        return by_location, (by_kl[..., None] * (1 - std_ratio - shift * shift)).sum(1)


def make_distribution(action: ActionSpec, policy: str = "gaussian", squash: bool = False) -> Distribution:
    """The distribution for an action space.

    Args:
        action: The action space; of a discrete one the rest does not matter.
        policy: ``"gaussian"`` or ``"beta"``.
        squash: Bend Gaussian actions into the bounds; Beta ones are inside.

    Raises:
        UsageError: The policy needs bounds, and there are none.
    """
    if action.kind == "discrete":
        return Categorical()
    if policy == "beta":
        return Beta(Bounds.of(action, "policy=beta"))
    return DiagonalGaussian(Bounds.of(action, "squash=true") if squash else None)


def _probabilities(policy: PolicyOutput) -> Tensor:
    return policy.location.log_softmax(-1).exp()


def _log_std(policy: PolicyOutput) -> Tensor:
    assert policy.log_std is not None, "a Gaussian needs log_std"
    return policy.log_std
