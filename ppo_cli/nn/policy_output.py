"""Output of the policy's networks, from which a distribution is made."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PolicyOutput:
    """Output of a policy for a batch of observations.

    Attributes:
        head: Output of the policy's network, ``[M, B, K]``: logits of a discrete action (K = A), means of a
            Gaussian one (K = A), or what the shapes of a Beta one are made from (K = 2 A).
        log_std: Logarithm of the standard deviation of a Gaussian action, ``[M, 1, A]``, the same for every
            observation (``[M, B, A]`` where derivatives are taken); None of others.
    """

    head: Tensor
    log_std: Tensor | None = None

    def first(self, count: int) -> PolicyOutput:
        """The first ``count`` of the B observations."""
        return PolicyOutput(self.head[:, :count], self.log_std)

    def clone(self) -> PolicyOutput:
        """A copy that outlives the buffers and parameters that it was read from."""
        return PolicyOutput(self.head.clone(), None if self.log_std is None else self.log_std.clone())
