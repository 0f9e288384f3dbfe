"""Everything of the learner that changes while a population trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ppo_cli.learn.optimise import Trainable
from ppo_cli.nn.normalize import RunningStatistics

AGENT = "agent"
ADAPTED_PREFIX = "adapted."
_IN_WORDS = {
    "params": "parameters",
    "exp_avg": "Adam's mean of the gradients",
    "exp_avg_sq": "Adam's variance of the gradients",
    "obs_mean": "the mean of the observations",
    "obs_var": "the variance of the observations",
}


@dataclass
class LearnerState:
    """The learner's state; every tensor has the member axis first, so one member is one row of each.

    There are no random states: random numbers are functions of the seed and the iteration (see ``rng``).

    Attributes:
        iteration: Iterations done, the same for all members.
        trainables: What has parameters, by name; the agent is one of them.
        statistics: Running mean and variance of observations.
        adapted: Hyperparameters that the algorithm has changed, as they are now, ``[M]`` each, by name.
    """

    iteration: int
    trainables: dict[str, Trainable]
    statistics: RunningStatistics
    adapted: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def initial(cls, params: Tensor, obs_size: int) -> LearnerState:
        """The state before the first iteration."""
        statistics = RunningStatistics.none(len(params), obs_size)
        return cls(0, {AGENT: Trainable.fresh(params)}, statistics)

    @property
    def agent(self) -> Trainable:
        """The networks of actor and critic."""
        return self.trainables[AGENT]

    def keep(self, rows: Tensor) -> LearnerState:
        """The rows of some members."""
        return LearnerState(
            self.iteration,
            {name: trainable.keep(rows) for name, trainable in self.trainables.items()},
            self.statistics.keep(rows),
            {name: values[rows] for name, values in self.adapted.items()},
        )

    def member_tensors(self, member: int) -> dict[str, np.ndarray]:
        """Take one member's rows by name, for a checkpoint."""
        return {name: values[member].detach().numpy() for name, values in self._tensors().items()}

    def non_finite(self) -> dict[int, str]:
        """Members of which something is not finite, by row, each with what that is: it must not be saved."""
        found: dict[int, str] = {}
        for name, values in self._tensors().items():
            finite = np.isfinite(values.numpy())  # torch takes ten times as long
            finite = finite.reshape(len(values), -1).all(1)
            for row in np.flatnonzero(~finite).tolist():
                found.setdefault(row, f"{_IN_WORDS.get(name, name)} became non-finite")
        return found

    @classmethod
    def stack(cls, iteration: int, members: Sequence[Mapping[str, np.ndarray]]) -> LearnerState:
        """The state of a population from its members' rows.

        Raises:
            KeyError: A tensor is missing.
            ValueError: Members do not fit together.
        """

        def stacked(prefix: str, names: Sequence[str]) -> dict[str, Tensor]:
            return {
                name: torch.from_numpy(np.stack([rows[prefix + name] for rows in members])) for name in names
            }

        adapted = [
            name.removeprefix(ADAPTED_PREFIX) for name in members[0] if name.startswith(ADAPTED_PREFIX)
        ]
        others = [name.removesuffix(".params") for name in members[0] if name.endswith(".params")]
        return cls(
            iteration,
            {AGENT: Trainable(**stacked("", Trainable.names()))}
            | {name: Trainable(**stacked(f"{name}.", Trainable.names())) for name in others},
            RunningStatistics(**stacked("obs_", RunningStatistics.names())),
            stacked(ADAPTED_PREFIX, adapted),
        )

    def _tensors(self) -> dict[str, Tensor]:
        """All tensors by name; the agent's, which every run has, need no prefix."""
        tensors: dict[str, Tensor] = {}
        for owner, trainable in self.trainables.items():
            prefix = "" if owner == AGENT else f"{owner}."
            tensors |= {prefix + name: values for name, values in trainable.tensors().items()}
        tensors |= {f"obs_{name}": values for name, values in self.statistics.tensors().items()}
        return tensors | {ADAPTED_PREFIX + name: values for name, values in self.adapted.items()}
