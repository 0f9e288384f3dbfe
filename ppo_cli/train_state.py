"""Everything that changes while a population trains, the environments aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor


@dataclass
class TrainState:
    """The learner's state; every tensor has the member axis first, so one member is one row of each.

    There are no random states: random numbers are functions of the seed and the iteration (see ``rng``).

    Attributes:
        iteration: Iterations done, the same for all members.
        params: Parameters, ``[M, P]`` float32.
        exp_avg: Adam's first moment, ``[M, P]``.
        exp_avg_sq: Adam's second moment, ``[M, P]``.
        adam_step: Adam's step counts, ``[M]`` float64.
        obs_mean: Running mean of observations, ``[M, O]`` float64.
        obs_var: Running variance of observations, ``[M, O]`` float64.
        obs_count: Observations seen, ``[M]`` float64.
    """

    iteration: int
    params: Tensor
    exp_avg: Tensor
    exp_avg_sq: Tensor
    adam_step: Tensor
    obs_mean: Tensor
    obs_var: Tensor
    obs_count: Tensor

    @classmethod
    def initial(cls, params: Tensor, obs_size: int) -> TrainState:
        """The state before the first iteration."""
        members = params.shape[0]
        return cls(
            iteration=0,
            params=params,
            exp_avg=torch.zeros_like(params),
            exp_avg_sq=torch.zeros_like(params),
            adam_step=torch.zeros(members, dtype=torch.float64),
            obs_mean=torch.zeros(members, obs_size, dtype=torch.float64),
            obs_var=torch.ones(members, obs_size, dtype=torch.float64),
            obs_count=torch.zeros(members, dtype=torch.float64),
        )

    def keep(self, members: Sequence[int]) -> TrainState:
        """The rows of some members."""
        rows = torch.tensor(list(members), dtype=torch.int64)
        return replace(self, **{name: getattr(self, name)[rows] for name in TENSORS})

    def member_tensors(self, member: int) -> dict[str, np.ndarray]:
        """One member's rows by name, for a checkpoint."""
        return {name: getattr(self, name)[member].detach().numpy() for name in TENSORS}

    @classmethod
    def stack(cls, iteration: int, members: Sequence[Mapping[str, np.ndarray]]) -> TrainState:
        """The state of a population from its members' rows."""
        stacked = {name: torch.from_numpy(np.stack([rows[name] for rows in members])) for name in TENSORS}
        return cls(iteration=iteration, **stacked)


TENSORS = tuple(field.name for field in fields(TrainState) if field.name != "iteration")
