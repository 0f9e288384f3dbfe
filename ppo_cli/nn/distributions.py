"""Distributions over actions, batched over members: sample, log-probability, entropy, and their derivatives.

Random numbers come in as ``noise`` that the member's own stream drew beforehand: sampling is a pure function.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ppo_cli.errors import UsageError
from ppo_cli.nn.beta import Beta
from ppo_cli.nn.bounds import Bounds
from ppo_cli.nn.masked import row_sum
from ppo_cli.nn.policy_output import PolicyOutput
from ppo_cli.spaces import ActionSpec

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class Distribution(Protocol):
    """What the learner asks of a distribution; all reductions stay within a member."""

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Standard noise for :meth:`sample`, float32: of ``shape``, with one more axis if it takes more."""

    def sample(self, policy: PolicyOutput, noise: Tensor) -> Tensor:
        """Actions: ``[M, B]`` int64 when discrete, ``[M, B, A]`` float32 when continuous."""

    def send(self, actions: Tensor) -> Tensor:
        """What an environment gets for actions as they were sampled; it cuts off what is out of bounds."""

    def mode(self, policy: PolicyOutput) -> Tensor:
        """The most likely actions."""

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
        """KL(old || new) in nats, exact, ``[M, B]``."""

    def kl_backward(
        self, old: PolicyOutput, new: PolicyOutput, by_kl: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Gradients of what the new policy said from those of :meth:`kl`, as from :meth:`backward`."""


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

    def send(self, actions: Tensor) -> Tensor:
        """The choice itself."""
        return actions

    def mode(self, policy: PolicyOutput) -> Tensor:
        """The choice with the largest logit."""
        return policy.location.argmax(-1)

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
        """Sum p_old (log p_old - log p_new)."""
        log_old, log_new = old.location.log_softmax(-1), new.location.log_softmax(-1)
        return (log_old.exp() * (log_old - log_new)).sum(-1)

    def kl_backward(
        self, old: PolicyOutput, new: PolicyOutput, by_kl: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """By the new logit j: p_new_j - p_old_j."""
        p_old, p_new = old.location.log_softmax(-1).exp_(), new.location.log_softmax(-1).exp_()
        return p_new.sub_(p_old).mul_(by_kl[..., None]), None

    def _pick(self, log_p: Tensor, actions: Tensor) -> Tensor:
        return log_p.gather(-1, actions[..., None]).squeeze(-1)


class DiagonalGaussian:
    """A normal distribution with a standard deviation that does not depend on the state.

    Args:
        bounds: Of the actions, to bend what was sampled into them; None leaves it as it is. The bending does
            not depend on the policy, so it cancels out of ratios and divergences: log-probabilities and
            entropies are those of what was sampled, before it is bent.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Standard normal noise."""
        return rng.standard_normal(shape, dtype=np.float32)

    def sample(self, policy: PolicyOutput, noise: Tensor) -> Tensor:
        """A = mean + std * noise."""
        return torch.addcmul(policy.location, _log_std(policy)[:, None].exp(), noise)

    def send(self, actions: Tensor) -> Tensor:
        """A itself; bent into the bounds, low + (high - low) (tanh(a) + 1) / 2."""
        return actions if self.bounds is None else self.bounds.scale(0.5 * actions.tanh() + 0.5)

    def mode(self, policy: PolicyOutput) -> Tensor:
        """The mean."""
        return policy.location

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
        by_log_std = _over_batch((z * z - 1) * by_log_prob[..., None] + by_entropy[..., None])
        return by_location, by_log_std

    def kl(self, old: PolicyOutput, new: PolicyOutput) -> Tensor:
        """Sum of log(std_new / std_old) + (std_old^2 + (mean_old - mean_new)^2) / (2 std_new^2) - 1/2."""
        ratio, distance = _std_ratio_and_distance(old, new)
        return (0.5 * (ratio * ratio + distance * distance - 1) - ratio.log()).sum(-1)

    def kl_backward(
        self, old: PolicyOutput, new: PolicyOutput, by_kl: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """By the new mean: (mean_new - mean_old) / std_new^2.

        By the new log std: 1 - (std_old^2 + (mean_old - mean_new)^2) / std_new^2.
        """
        ratio, distance = _std_ratio_and_distance(old, new)
        by_location = by_kl[..., None] * distance * (-_log_std(new))[:, None].exp()
        by_log_std = _over_batch(by_kl[..., None] * (1 - ratio * ratio - distance * distance))
        return by_location, by_log_std


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
    if action.kind == "discrete":
        _refuse_for_discrete(policy, squash)
        return Categorical()
    if policy == "beta":
        return Beta(Bounds.of(action, "policy=beta"))
    return DiagonalGaussian(Bounds.of(action, "squash=true") if squash else None)


def sendable(actions: Tensor) -> Tensor:
    """Actions as an environment may get them: a diverged policy's NaN must not reach a physics engine."""
    return torch.nan_to_num(actions) if actions.is_floating_point() else actions


def _refuse_for_discrete(policy: str, squash: bool) -> None:
    for setting, given in (("policy=beta", policy == "beta"), ("squash=true", squash)):
        if given:
            raise UsageError(
                f"{setting} is for continuous actions, and these are discrete",
                hint="leave it out: a choice among several has one distribution",
                key=f"network.{setting.partition('=')[0]}",
            )


def _over_batch(values: Tensor) -> Tensor:  # [M, B, A] -> [M, A]
    return row_sum(values[..., 0])[..., None] if values.shape[-1] == 1 else values.sum(1)


def _std_ratio_and_distance(old: PolicyOutput, new: PolicyOutput) -> tuple[Tensor, Tensor]:
    """Std_old / std_new ``[M, 1, A]`` and (mean_new - mean_old) / std_new ``[M, B, A]``."""
    ratio = (_log_std(old) - _log_std(new))[:, None].exp()
    return ratio, (new.location - old.location) * (-_log_std(new))[:, None].exp()


def _log_std(policy: PolicyOutput) -> Tensor:
    assert policy.log_std is not None, "a Gaussian needs log_std"
    return policy.log_std
