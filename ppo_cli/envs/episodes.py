"""Episodes as values: the record of a finished one, and what it takes to repeat an unfinished one.

Environments cannot be saved (Box2D's world cannot be pickled), and need not be: an episode is a function
of its reset seed and its actions. So the progress of an environment is the episode's index, from which
its seed follows, and the actions since the reset; replaying them gives back the environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class EpisodeRecord:
    """A finished episode.

    Attributes:
        member: Its member, counted among the members at that moment.
        env: Its environment within the member.
        index: Which episode of that environment, from 0.
        episode_return: Sum of the environment's own rewards.
        shaped_return: Sum of the shaped rewards, which the learner sees.
        length: Number of steps.
        terminated: Whether the task ended it (otherwise a time limit did).
        components: Mean per step of each shaping term; empty when shaping is off.
        learned_return: Sum of what a reward model paid; None without one.
    """

    member: int
    env: int
    index: int
    episode_return: float
    shaped_return: float
    length: int
    terminated: bool
    components: dict[str, float]
    learned_return: float | None = None


@dataclass(frozen=True)
class EpisodeProgress:
    """Progress of the current episodes of M members with N environments.

    Attributes:
        index: Which episode of its environment, int64 [M, N].
        lengths: Steps so far, int64 [M, N].
        actions: Actions so far, as sent to the environment, [sum(lengths)] or [sum(lengths), A], member by
            member and environment by environment.
        obs: The current observation, float32 [M, N, O].
        ended: Whether the last step ended the episode, bool [M, N].
        returns: Sum of the environment's rewards so far, float64 [M, N].
    """

    index: Array
    lengths: Array
    actions: Array
    obs: Array
    ended: Array
    returns: Array

    def member(self, member: int) -> EpisodeProgress:
        """The progress of one member, with M = 1."""
        ends = np.cumsum(self.lengths.sum(axis=1))
        start = int(ends[member] - self.lengths[member].sum())
        row = slice(member, member + 1)
        return EpisodeProgress(
            self.index[row],
            self.lengths[row],
            self.actions[start : int(ends[member])],
            self.obs[row],
            self.ended[row],
            self.returns[row],
        )

    @classmethod
    def stack(cls, members: Sequence[EpisodeProgress]) -> EpisodeProgress:
        """The progress of several members (or groups of members), one after the other."""
        return cls(**{f.name: np.concatenate([getattr(m, f.name) for m in members]) for f in fields(cls)})

    def tensors(self) -> dict[str, Array]:
        """The arrays by name, for a checkpoint."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> EpisodeProgress:
        """The inverse of :meth:`tensors`; other names are ignored.

        Raises:
            ValueError: The arrays do not fit together.
        """
        progress = cls(**{f.name: tensors[f.name] for f in fields(cls)})
        shape = progress.index.shape
        same = all(a.shape == shape for a in (progress.lengths, progress.ended, progress.returns))
        if len(shape) != 2 or not same or progress.obs.shape[:-1] != shape or (progress.lengths < 0).any():
            raise ValueError("the arrays of an episode's progress do not fit together")
        if len(progress.actions) != progress.lengths.sum():
            raise ValueError(f"{len(progress.actions)} actions saved for {progress.lengths.sum()} steps")
        return progress


@dataclass(frozen=True)
class ReplayReport:
    """The outcome of replaying unfinished episodes.

    Attributes:
        exact: Whether an environment is where it was, to the bit, bool [M, N]; where not, it starts a
            new episode.
        message: What to tell the user, or None when all are exact.
    """

    exact: Array
    message: str | None

    @classmethod
    def of(cls, env_id: str, exact: Array) -> ReplayReport:
        """The report on an environment, in words when something is not ``exact`` [M, N]."""
        if exact.all():
            return cls(exact, None)
        return cls(
            exact,
            f"{env_id} is not deterministic: {np.count_nonzero(~exact)} of {exact.size} environments "
            "did not come back to where they were and start a new episode; "
            "the run goes on, but not bit for bit",
        )


def same_bits(a: Array, b: Array) -> Array:
    """Compare the bytes of rows of ``a`` and ``b`` [R, K], bool [R]; NaN equals itself."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return np.zeros(len(a), dtype=np.bool_)
    bits = np.dtype(f"u{a.dtype.itemsize}")
    same: Array = (np.ascontiguousarray(a).view(bits) == np.ascontiguousarray(b).view(bits)).all(axis=1)
    return same


class ActionLog:
    """The actions of R environments since each one's reset.

    What is kept are the arrays of a step or of many steps, as they came, for all environments; each
    environment remembers where its episode starts. That is two list operations per step or per rollout,
    however many environments there are.

    Args:
        num_rows: R.
        trim_at: Steps to keep before the part that no environment needs is dropped.
    """

    def __init__(self, num_rows: int, trim_at: int = 1024) -> None:
        self._starts = np.zeros(num_rows, dtype=np.int64)
        self._actions: list[Array] = []  # [G, T, R / G, ...] each: T steps of G groups of rows
        self._masks: list[Array] = []  # [G, T, R / G]
        self._end = 0  # steps in all
        self._trim_at = self._next_trim = trim_at

    def append(self, actions: Array, mask: Array) -> None:
        """Keep the ``actions`` [R, ...] of the environments where ``mask`` [R], without copying them."""
        self._add(actions[None, None], mask[None, None])

    def extend(self, actions: Array, mask: Array, idle: Array) -> None:
        """Keep the actions of T steps, and forget those before an episode that began among them.

        Args:
            actions: ``[M, T, N, ...]``; neither it nor the mask is copied.
            mask: Which were taken, bool ``[M, T, N]``.
            idle: Where an environment waited, bool ``[M, T, N]``; where it did neither, an episode began.
        """
        num_steps = mask.shape[1]
        began = ~(mask | idle)
        last = num_steps - 1 - began[:, ::-1].argmax(1)
        self._starts = np.where(began.any(1).ravel(), self._end + last.ravel() + 1, self._starts)
        self._add(actions, mask)

    def restart(self, row: int) -> None:
        """Forget the actions of one environment: its next action is the first of an episode."""
        self._starts[row] = self._end

    def keep(self, rows: Array) -> None:
        """Keep only the environments ``rows`` (indices)."""
        self._starts = self._starts[rows]
        self._actions = [_by_row(block)[rows].swapaxes(0, 1)[None] for block in self._actions]
        self._masks = [_by_row(block)[rows].swapaxes(0, 1)[None] for block in self._masks]

    def since_reset(self, empty: Array) -> Array:
        """All actions since the resets, environment by environment, [sum of lengths, ...].

        Args:
            empty: What to return when there are none: it has the right type and trailing shape.
        """
        self._trim()
        if not self._actions:
            return empty
        actions, masks = (np.concatenate([*map(_by_row, kept)], 1) for kept in (self._actions, self._masks))
        return actions[masks & (np.arange(masks.shape[1]) >= self._starts[:, None])]

    def _add(self, actions: Array, mask: Array) -> None:
        self._actions.append(actions)
        self._masks.append(mask)
        self._end += mask.shape[1]
        if self._end >= self._next_trim:
            self._trim()

    def _trim(self) -> None:
        """Drop the arrays of which no environment needs a step."""
        first = int(self._starts.min(initial=self._end))
        count = steps = 0
        while count < len(self._masks) and steps + self._masks[count].shape[1] <= first:
            steps += self._masks[count].shape[1]
            count += 1
        del self._actions[:count], self._masks[:count]
        self._starts -= steps
        self._end -= steps
        self._next_trim = max(self._trim_at, 2 * self._end)


def _by_row(block: Array) -> Array:  # [G, T, R / G, ...] -> [R, T, ...]
    return block.swapaxes(1, 2).reshape(-1, block.shape[1], *block.shape[3:])
