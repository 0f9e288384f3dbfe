"""Counts and sums of R episodes under way, and the records of those that ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.envs.episodes import EpisodeRecord
from ppo_cli.kernels.playing import EndedEpisodes, Steps

Array = NDArray[Any]


class EpisodeTally:
    """Counts and sums of the current episodes of R environments, R = M * N.

    Attributes:
        index: Which episode of its environment, int64 [R].
        lengths: Steps so far, int64 [R].
        returns: Sum of the environment's rewards, float64 [R].
        finished: Records of ended episodes.

    Args:
        index: The episodes to start with, int64 [R].
        num_envs: N.
        term_names: The shaping terms to sum, length K; empty when shaping is off.
    """

    def __init__(self, index: Array, num_envs: int, term_names: tuple[str, ...]) -> None:
        self.index = index.astype(np.int64)
        self.lengths = np.zeros(len(index), dtype=np.int64)
        self.returns = np.zeros(len(index))
        self.finished: list[EpisodeRecord] = []
        self._shaped_returns = np.zeros(len(index))
        self._term_sums = np.zeros((len(term_names), len(index)))
        self._num_envs = num_envs
        self._term_names = term_names

    def add(self, env_rewards: Array, rewards: Array, terms: Array | None, mask: Array) -> Array:
        """Add one step to the sums.

        Args:
            env_rewards: The environment's rewards, 0 where not stepped, [R].
            rewards: The shaped rewards, [R].
            terms: The shaping terms [K, R], or None when shaping is off.
            mask: Which environments were stepped, bool [R].

        Returns:
            The shaped rewards with 0 where not stepped, [R].
        """
        self.returns += env_rewards
        if terms is None:
            return rewards
        rewards = np.where(mask, rewards, 0.0)
        self._shaped_returns += rewards
        self._term_sums += np.where(mask, terms, 0.0)
        return rewards

    def next_episode(self, rows: Array) -> None:
        """The environments ``rows`` (indices) start their next episode."""
        self.index[rows] += 1
        self.lengths[rows] = 0
        self.returns[rows] = 0.0
        self._shaped_returns[rows] = 0.0
        self._term_sums[:, rows] = 0.0

    def finish(self, done: Array, terminated: Array) -> None:
        """Record the episodes that ended with this step, bool [R] and [R]."""
        shaped = self._shaped_returns if self._term_names else self.returns
        for row in done.nonzero()[0].tolist():
            member, env = divmod(row, self._num_envs)
            length = int(self.lengths[row])
            means = (self._term_sums[:, row] / length).tolist() if self._term_names else []
            self.finished.append(
                EpisodeRecord(
                    member=member,
                    env=env,
                    index=int(self.index[row]),
                    episode_return=float(self.returns[row]),
                    shaped_return=float(shaped[row]),
                    length=length,
                    terminated=bool(terminated[row]),
                    components=dict(zip(self._term_names, means, strict=True)),
                )
            )

    def record(self, ended: Sequence[EndedEpisodes]) -> None:
        """Record the episodes that ended while compiled kernels played, those of each member.

        Their rewards are the environment's own. They come in the order (step, member, environment).
        """
        for _, member, i in _by_step(ended):
            self._record_one(ended[member], member, i, float(ended[member].episode_return[i]), {})

    def record_shaped(
        self, ended: Sequence[EndedEpisodes], rewards: Array, terms: Array, steps: Steps
    ) -> None:
        """The same of shaped rewards, which are added up step by step as :meth:`add` does.

        Args:
            ended: See :meth:`record`.
            rewards: The shaped rewards, 0 where not stepped, ``[M, T, N]``.
            terms: The shaping terms, ``[K, M, T, N]``.
            steps: Which environments were stepped, and which began an episode instead.
        """
        began = ~(steps.mask | steps.idle)
        terms = np.where(steps.mask, terms, 0.0)
        ends = list(_by_step(ended))[::-1]
        for t in range(began.shape[1]):
            rows = began[:, t].ravel()
            self._shaped_returns[rows], self._term_sums[:, rows] = 0.0, 0.0
            self._shaped_returns += rewards[:, t].ravel()
            self._term_sums += terms[:, :, t].reshape(len(terms), -1)
            while ends and ends[-1][0] == t:
                _, member, i = ends.pop()
                episodes, row = ended[member], member * self._num_envs + int(ended[member].env[i])
                means = (self._term_sums[:, row] / int(episodes.length[i])).tolist()
                components = dict(zip(self._term_names, means, strict=True))
                self._record_one(episodes, member, i, float(self._shaped_returns[row]), components)

    def _record_one(
        self, of: EndedEpisodes, member: int, i: int, shaped_return: float, components: dict[str, float]
    ) -> None:
        self.finished.append(
            EpisodeRecord(
                member=member,
                env=int(of.env[i]),
                index=int(of.episode[i]),
                episode_return=float(of.episode_return[i]),
                shaped_return=shaped_return,
                length=int(of.length[i]),
                terminated=bool(of.terminated[i]),
                components=components,
            )
        )

    def keep(self, rows: Array) -> None:
        """Keep only the environments ``rows`` (indices)."""
        self.index, self.lengths, self.returns = self.index[rows], self.lengths[rows], self.returns[rows]
        self._shaped_returns = self._shaped_returns[rows]
        self._term_sums = self._term_sums[:, rows]


def _by_step(ended: Sequence[EndedEpisodes]) -> Iterator[tuple[int, int, int]]:
    """Step, member and place of each ended episode, in the order (step, member, environment)."""
    order = sorted(
        (step, member, env, i)
        for member, episodes in enumerate(ended)
        for i, (step, env) in enumerate(zip(episodes.step.tolist(), episodes.env.tolist(), strict=True))
    )
    return ((step, member, i) for step, member, _, i in order)
