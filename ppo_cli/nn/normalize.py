"""Running mean and variance of observations, per member."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ppo_cli.nn.rows import Rows

EPSILON = 1e-8


@dataclass(frozen=True)
class ObsNormalizer:
    """(obs - mean) / std, clipped; or the observation itself where normalisation is off.

    Attributes:
        mean: ``[M, 1, O]``, or None when off.
        inverse_std: ``[M, 1, O]``; empty when off, like the next.
        clip: Largest absolute value that comes out, ``[M, 1, 1]``.
    """

    mean: Tensor | None
    inverse_std: Tensor
    clip: Tensor

    @property
    def enabled(self) -> bool:
        """Whether it does anything."""
        return self.mean is not None

    @classmethod
    def make(
        cls,
        enabled: bool,
        mean: Tensor,  # [M, O] float64
        var: Tensor,  # [M, O] float64
        clip: Tensor,  # [M]
    ) -> ObsNormalizer:
        """From the statistics of a population."""
        if not enabled:
            return _OFF
        inverse_std = (var + EPSILON).rsqrt().float()[:, None]
        return cls(mean.float()[:, None], inverse_std, clip.float()[:, None, None])

    def __call__(self, obs: Tensor) -> Tensor:  # [M, B, O] -> [M, B, O]
        """Normalise a batch of observations."""
        if self.mean is None:
            return obs
        return torch.clamp((obs - self.mean).mul_(self.inverse_std), -self.clip, self.clip)


_OFF = ObsNormalizer(None, torch.empty(0), torch.empty(0))


@dataclass
class RunningStatistics(Rows):
    """Mean and variance of all observations so far.

    Attributes:
        mean: ``[M, O]`` float64.
        var: ``[M, O]`` float64.
        count: Observations seen, ``[M]`` float64.
    """

    mean: Tensor
    var: Tensor
    count: Tensor

    @classmethod
    def none(cls, members: int, obs_size: int) -> RunningStatistics:
        """Before the first observation: mean 0 and variance 1."""
        shape, double = (members, obs_size), torch.float64
        return cls(
            torch.zeros(shape, dtype=double),
            torch.ones(shape, dtype=double),
            torch.zeros(members, dtype=double),
        )

    def update_(
        self,
        obs: Tensor,  # [M, B, O]
        seen: Tensor,  # [M, B] bool, which of them count
    ) -> None:
        """Merge a batch, in place (Chan et al. 1983, parallel variance).

        Member by member in NumPy: this happens once per iteration, and a member's sums are then the same
        whatever population it is in.
        """
        for m in range(obs.shape[0]):
            batch = obs[m].numpy()[seen[m].numpy()].astype(np.float64)
            batch_mean, batch_var, batch_count = batch.mean(0), batch.var(0), len(batch)
            count = float(self.count[m])
            total = count + batch_count
            delta = batch_mean - self.mean[m].numpy()
            sum_of_squares = self.var[m].numpy() * count + batch_var * batch_count
            sum_of_squares += delta**2 * (count * batch_count / total)
            self.mean[m] += torch.from_numpy(delta * (batch_count / total))
            self.var[m] = torch.from_numpy(sum_of_squares / total)
            self.count[m] = total
