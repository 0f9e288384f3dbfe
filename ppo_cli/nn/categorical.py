"""The categorical distribution: one of A choices, from logits."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ppo_cli.nn.policy_output import PolicyOutput

_TINY = np.finfo(np.float32).tiny


class Categorical:
    """A choice among A actions; ``head [M, B, A]`` holds the logits."""

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Gumbel noise: the arg max of logits plus it is a sample of the categorical distribution."""
        drawn = rng.standard_exponential(shape, dtype=np.float32)
        np.maximum(drawn, _TINY, out=drawn)  # float32 draws can be exactly zero
        return np.negative(np.log(drawn, out=drawn), out=drawn)

    def sample(self, policy: PolicyOutput, noise: Tensor) -> Tensor:
        """Sample by the Gumbel-max trick (Gumbel 1954)."""
        return (policy.head + noise).argmax(-1)

    def send(self, actions: Tensor) -> Tensor:
        """The choice itself."""
        return actions

    def mode(self, policy: PolicyOutput) -> Tensor:
        """The choice with the largest logit."""
        return policy.head.argmax(-1)

    def log_prob(self, policy: PolicyOutput, actions: Tensor) -> Tensor:
        """Log p(a) = logit_a - log sum exp logits."""
        return _pick(policy.head.log_softmax(-1), actions)

    def log_prob_and_entropy(self, policy: PolicyOutput, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Log p(a) and H = -sum p log p."""
        log_p = policy.head.log_softmax(-1)
        return _pick(log_p, actions), -(log_p.exp() * log_p).sum(-1)

    def backward(
        self, policy: PolicyOutput, actions: Tensor, grad_log_prob: Tensor, grad_entropy: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Differentiate by logit j: [j = a] - p_j of log p(a), and -p_j (log p_j + H) of the entropy H."""
        log_p = policy.head.log_softmax(-1)
        p = log_p.exp()
        entropy = (p * log_p).sum(-1, keepdim=True).neg_()
        grad = log_p.add_(entropy).mul_(grad_entropy[..., None]).add_(grad_log_prob[..., None]).mul_(p).neg_()
        return grad.scatter_add_(-1, actions[..., None], grad_log_prob[..., None]), None

    def kl(self, old: PolicyOutput, new: PolicyOutput) -> Tensor:
        """Sum p_old (log p_old - log p_new)."""
        log_old, log_new = old.head.log_softmax(-1), new.head.log_softmax(-1)
        return (log_old.exp() * (log_old - log_new)).sum(-1)

    def kl_backward(
        self, old: PolicyOutput, new: PolicyOutput, grad_kl: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Differentiate with respect to the new logit j: p_new_j - p_old_j."""
        p_old, p_new = old.head.log_softmax(-1).exp_(), new.head.log_softmax(-1).exp_()
        return p_new.sub_(p_old).mul_(grad_kl[..., None]), None


def _pick(log_p: Tensor, actions: Tensor) -> Tensor:  # [M, B, A], [M, B] -> [M, B]
    return log_p.gather(-1, actions[..., None]).squeeze(-1)
