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
        adapted: Hyperparameters that the algorithm changes, as they are now, ``[M]`` each, by name.
    """

    iteration: int
    params: Tensor
    exp_avg: Tensor
    exp_avg_sq: Tensor
    adam_step: Tensor
    obs_mean: Tensor
    obs_var: Tensor
    obs_count: Tensor
    adapted: dict[str, Tensor]

    @classmethod
    def initial(cls, params: Tensor, obs_size: int, adapted: Mapping[str, Tensor]) -> TrainState:
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
            adapted=dict(adapted),
        )

    def keep(self, members: Sequence[int]) -> TrainState:
        """The rows of some members."""
        rows = torch.tensor(list(members), dtype=torch.int64)
        adapted = {name: values[rows] for name, values in self.adapted.items()}
        return replace(self, adapted=adapted, **{name: getattr(self, name)[rows] for name in TENSORS})

    def member_tensors(self, member: int) -> dict[str, np.ndarray]:
        """One member's rows by name, for a checkpoint."""
        own = {name: getattr(self, name) for name in TENSORS}
        own |= {ADAPTED_PREFIX + name: values for name, values in self.adapted.items()}
        return {name: values[member].detach().numpy() for name, values in own.items()}

    @classmethod
    def stack(cls, iteration: int, members: Sequence[Mapping[str, np.ndarray]]) -> TrainState:
        """The state of a population from its members' rows."""

        def stacked(name: str) -> Tensor:
            return torch.from_numpy(np.stack([rows[name] for rows in members]))

        names = [name for name in members[0] if name.startswith(ADAPTED_PREFIX)]
        adapted = {name.removeprefix(ADAPTED_PREFIX): stacked(name) for name in names}
        return cls(iteration=iteration, adapted=adapted, **{name: stacked(name) for name in TENSORS})


TENSORS = tuple(field.name for field in fields(TrainState) if field.name not in ("iteration", "adapted"))
ADAPTED_PREFIX = "adapted."
