"""The environments of M members with N environments each, stepped together.

A member's episodes depend on its seed, its actions and nothing else: not on M, not on its position, not on
which other members are dropped. Episode k of environment n is reset with a seed made from (member's
seed, n, k).

Environments of one group (``group_size``) share their start states: episode k of each begins alike.

Ends of episodes follow Gymnasium's next-step autoreset: the step that ends an episode returns its last
observation; the step after it ignores the action, returns the next episode's first observation, and is marked
as filler (``mask`` False).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.envs.backends import Backend
from ppo_cli.envs.choice import make_backend
from ppo_cli.envs.compiled import CompiledBackend, Start
from ppo_cli.envs.episodes import ActionLog, EpisodeProgress, EpisodeRecord, ReplayReport, same_bits
from ppo_cli.envs.guard import check_finite
from ppo_cli.envs.shaping import RewardShaper, ShapingParams
from ppo_cli.envs.step import Step
from ppo_cli.envs.tally import EpisodeTally
from ppo_cli.kernels.playing import ENDLESSLY, Player, Steps
from ppo_cli.rng import Stream, episode_seed

Array = NDArray[Any]


def make_member_envs(
    env_id: str,
    env_kwargs: Mapping[str, Any],
    num_envs: int,
    seeds: Sequence[int],
    shaping: Sequence[ShapingParams] | None = None,
    stream: Stream = Stream.EPISODE,
    num_workers: int = 0,
    group_size: int = 1,
    cut_is_end: bool = False,
    compiled: bool = False,
    max_steps: int | None = None,
) -> MemberEnvs:
    """Make the environments of ``len(seeds)`` members.

    Args:
        env_id: An id from :func:`ppo_cli.envs.registry.resolve_env_id`.
        env_kwargs: Arguments of the environment's constructor.
        num_envs: N, environments of each member.
        seeds: The members' seeds, length M.
        shaping: The members' reward shaping, length M; None for none.
        stream: What the episodes are for.
        num_workers: Processes besides this one that may step environments whose steps are worth it; they
            never change results.
        group_size: How many environments side by side start their episodes alike.
        cut_is_end: Whether the learner takes a time limit for an end; the potential after an end is 0.
        compiled: Whether compiled kernels may be used; they never change results.
        max_steps: The time limit where the environment has none; None lets an episode go on for ever.

    Raises:
        UsageError: The environment or the shaping cannot be had; the message says why.
    """
    params = [ShapingParams()] * len(seeds) if shaping is None else list(shaping)
    if len(params) != len(seeds):
        raise ValueError(f"{len(params)} shapings for {len(seeds)} members")
    if num_envs % group_size:
        raise ValueError(f"{num_envs} environments cannot be groups of {group_size}")
    backend = make_backend(env_id, env_kwargs, num_envs * len(seeds), num_workers, compiled)
    try:
        shaper = RewardShaper.for_env(backend.spec, params, num_envs)
    except Exception:
        backend.close()
        raise
    return MemberEnvs(backend, shaper, num_envs, seeds, stream, group_size, cut_is_end, max_steps)


class MemberEnvs:
    """M * N environments as arrays [M, N, ...].

    Make it with :func:`make_member_envs`, then call :meth:`reset` or :meth:`restore`. Inside, the
    environments are the rows of flat arrays [R, ...], R = M * N.

    Attributes:
        num_members: M.
        num_envs: N.
        group_size: Environments side by side whose episodes of one number start alike; 1 when none do.
        spec: What the environment is.
        term_names: Names of the shaping terms that are recorded; empty when shaping is off.
    """

    def __init__(
        self,
        backend: Backend,
        shaper: RewardShaper,
        num_envs: int,
        seeds: Sequence[int],
        stream: Stream,
        group_size: int,
        cut_is_end: bool,
        max_steps: int | None = None,
    ) -> None:
        """Internal: see :func:`make_member_envs`."""
        self.num_members = len(seeds)
        self.num_envs = num_envs
        self.group_size = group_size
        self._cut_is_end = cut_is_end
        self.spec = backend.spec
        self._step_limit = max_steps if self.spec.max_episode_steps is None else backend.step_limit
        self.term_names = shaper.term_names
        self._backend = backend
        self._shaper = shaper
        self._seeds = list(seeds)
        self._stream = stream
        self._low = np.array(self.spec.action.low, dtype=backend.action_dtype)
        self._high = np.array(self.spec.action.high, dtype=backend.action_dtype)
        rows = self.num_members * num_envs
        self._obs = np.zeros((rows, self.spec.obs_size), dtype=np.float32)
        self._pending = np.zeros(rows, dtype=np.bool_)
        self._tally = EpisodeTally(np.zeros(rows, dtype=np.int64), num_envs, self.term_names)
        self._log = ActionLog(rows)

    # ------------------------------------------------------------------ stepping

    def reset(self) -> Array:
        """Start episode 0 in every environment; returns the first observations, float32 [M, N, O]."""
        self._start_all(np.zeros(len(self._pending), dtype=np.int64))
        return self.obs

    def step(self, actions: Array, active: Array | None = None) -> Step:
        """Take one step in every environment, or start the next episode where the last step ended one.

        Args:
            actions: int64 [M, N], or float32 [M, N, A], which is clipped to the bounds here.
            active: Which environments to touch, bool [M, N]; None for all.
        """
        sent = self._encode(actions)
        ready = None if active is None else active.ravel()
        mask = ~self._pending if ready is None else ready & ~self._pending
        obs = self._obs.copy()
        self._log.append(sent, mask)
        env_rewards, terminated, truncated = self._backend.step(sent, mask, obs)
        lengths = self._tally.lengths
        lengths += mask
        if self._step_limit is not None:
            truncated = truncated | ((lengths >= self._step_limit) & mask)
        if np.count_nonzero(self._pending):
            self._start_next(self._pending if ready is None else self._pending & ready, obs)
        ended = terminated | truncated if self._cut_is_end else terminated
        rewards, terms = self._shaper.step(self._obs, sent, obs, env_rewards, ended)
        rewards = self._tally.add(env_rewards, rewards, terms, mask)
        self._obs = obs
        done = terminated | truncated
        if np.count_nonzero(done):
            self._tally.finish(done, terminated)
            self._pending |= done
        shape = self._shape
        return Step(
            obs.reshape(*shape, -1),
            rewards.astype(np.float32).reshape(shape),
            terminated.reshape(shape),
            truncated.reshape(shape),
            mask.reshape(shape),
        )

    @property
    def can_play(self) -> bool:
        """Whether :meth:`play` may be called: the environments are compiled, and so may the shaping be."""
        return isinstance(self._backend, CompiledBackend) and (not self.term_names or self._shaper.ships)

    def play(
        self,
        player: Player,
        noise: Array | None,  # [M, T, N, ...]
        num_steps: int,
        episodes: int = ENDLESSLY,
        *,
        keep_steps: bool = True,
    ) -> Steps | None:
        """Take T steps with a policy, as T calls of :meth:`step` would, without a return to Python.

        Args:
            player: The members' policies.
            noise: As their distribution draws it; None for the most likely actions.
            num_steps: T.
            episodes: Which episodes begin, see :mod:`ppo_cli.kernels.playing`.
            keep_steps: Whether to return the steps, and to keep the actions for :meth:`progress`.
        """
        assert isinstance(self._backend, CompiledBackend)
        tally, self._obs = self._tally, self._obs.copy()  # what the last step gave stays what it is
        rows = (tally.index, tally.lengths, tally.returns, self._pending)
        places = self._backend.places(self.obs, *(values.reshape(self._shape) for values in rows))
        start = Start(self._seeds, int(self._stream), self.group_size)
        shapes = bool(self.term_names) and keep_steps
        steps, ended = self._backend.play(
            player, noise, num_steps, episodes, start, places, keep_steps, exact_rewards=shapes
        )
        if steps is not None:
            self._log.extend(steps.sent, steps.mask, steps.idle)
        if steps is None or not shapes:
            tally.record(ended)
            return steps
        rewards, terms = self._shaper.played(steps, cut_is_end=self._cut_is_end)
        tally.record_shaped(ended, rewards, terms, steps)
        return replace(steps, rewards=rewards.astype(np.float32))

    def start_ended(self) -> None:
        """Start the next episode at once wherever the last step ended one, so that no step is a filler."""
        obs = self._obs.copy()
        self._start_next(self._pending, obs)
        self._shaper.reset(obs)
        self._obs = obs

    def try_out(self) -> None:
        """Begin an episode and take a step, to find out whether the environments do what they should.

        Raises:
            UsageError: One does not.
        """
        obs = self.reset()
        check_finite(self.spec.env_id, "reset()", self._obs, np.zeros(len(self._obs)))
        action = np.zeros((*obs.shape[:2], self.spec.action.size), dtype=np.float32)
        step = self.step(action if self.spec.action.kind == "box" else action[..., 0].astype(np.int64))
        check_finite(self.spec.env_id, "step()", self._obs, step.rewards.ravel())

    def pop_episodes(self) -> list[EpisodeRecord]:
        """The episodes that ended since the last call, in the order (step, member, environment)."""
        finished, self._tally.finished = self._tally.finished, []
        return finished

    @property
    def obs(self) -> Array:
        """The current observations, float32 [M, N, O]; not to be written to."""
        return self._obs.reshape(*self._shape, -1)

    @property
    def pending_reset(self) -> Array:
        """True where the last step ended an episode, so that the next one is filler; bool [M, N]."""
        return self._pending.reshape(self._shape).copy()

    def keep(self, members: Sequence[int]) -> None:
        """Go on with only these members, in this order; they are not changed by it."""
        rows = np.arange(len(self._pending)).reshape(self._shape)[list(members)].ravel()
        self._backend.keep(rows.tolist())
        self._shaper.keep(rows)
        self._log.keep(rows)
        self._tally.keep(rows)
        self._obs, self._pending = self._obs[rows], self._pending[rows]
        self._seeds = [self._seeds[m] for m in members]
        self.num_members = len(self._seeds)

    def close(self) -> None:
        """Free what the environments hold."""
        self._backend.close()

    # ------------------------------------------------------------------ stop and resume

    def progress(self) -> EpisodeProgress:
        """Collect what a checkpoint needs to bring every environment back to where it is now.

        Finished episodes are not part of it: take them with :meth:`pop_episodes` first.
        """
        size = () if self.spec.action.kind == "discrete" else (self.spec.action.size,)
        return EpisodeProgress(
            index=self._tally.index.reshape(self._shape).copy(),
            lengths=self._tally.lengths.reshape(self._shape).copy(),
            actions=self._log.since_reset(self._encode(np.zeros((0, *size)))),
            obs=self.obs.copy(),
            ended=self.pending_reset,
            returns=self._tally.returns.reshape(self._shape).copy(),
        )

    def restore(self, progress: EpisodeProgress) -> ReplayReport:
        """Go to where ``progress`` was taken, by replaying its episodes; call it instead of :meth:`reset`.

        An environment that does not come back to the same observation, return and end, to the bit, is not
        deterministic: it starts its next episode instead, and the report says so.

        Raises:
            ValueError: ``progress`` is of other numbers of members, environments or observations.
        """
        if progress.obs.shape != (shape := (*self._shape, self.spec.obs_size)):
            raise ValueError(f"progress of {progress.obs.shape} cannot go on as {shape}")
        lengths = progress.lengths.ravel()
        self._start_all(progress.index.ravel())
        self._replay(progress.actions, lengths)
        exact = (
            same_bits(self._obs, progress.obs.reshape(self._obs.shape))
            & same_bits(self._tally.returns[:, None], progress.returns.reshape(-1, 1))
            & (self._tally.lengths == lengths)
            & (self._pending == progress.ended.ravel())
        )
        self.pop_episodes()  # the run that wrote the checkpoint has recorded them
        self._start_next(~exact, self._obs)
        self._shaper.reset(self._obs)
        return ReplayReport.of(self.spec.env_id, exact.reshape(self._shape))

    def _replay(self, actions: Array, lengths: Array) -> None:
        """Step row r ``lengths[r]`` times with its ``actions``; a row that ends too early stays there."""
        starts = np.cumsum(lengths) - lengths
        padded = np.concatenate((actions, np.zeros_like(actions, shape=(1, *actions.shape[1:]))))
        for t in range(int(lengths.max(initial=0))):
            ready = (t < lengths) & ~self._pending
            sent = padded[np.where(ready, starts + t, len(actions))]
            self.step(sent.reshape(*self._shape, *actions.shape[1:]), ready)

    # ------------------------------------------------------------------ rows

    @property
    def _shape(self) -> tuple[int, int]:
        return (self.num_members, self.num_envs)

    def _encode(self, actions: Array) -> Array:
        """The actions as sent, in an array of our own: int64 [R], or clipped to the bounds [R, A]."""
        if self.spec.action.kind == "discrete":
            return actions.reshape(-1).astype(np.int64)
        flat = actions.reshape(-1, self.spec.action.size).astype(self._low.dtype)
        clipped: Array = np.minimum(np.maximum(flat, self._low), self._high)
        return clipped

    def _start_all(self, index: Array) -> None:
        """Forget all episodes and start episode ``index[r]`` in every row r, int64 [R]."""
        self._tally = EpisodeTally(index, self.num_envs, self.term_names)
        self._log = ActionLog(len(index))
        self._obs = np.zeros_like(self._obs)
        self._pending = np.zeros_like(self._pending)
        self._reset_rows(range(len(index)), self._obs)
        self._shaper.reset(self._obs)

    def _start_next(self, rows: Array, obs: Array) -> None:
        """Start the next episode in ``rows`` (bool [R]), their first observations going to ``obs`` [R, O]."""
        indices = rows.nonzero()[0]
        self._tally.next_episode(indices)
        self._pending[indices] = False
        for row in indices.tolist():
            self._log.restart(row)
        self._reset_rows(indices.tolist(), obs)

    def _reset_rows(self, rows: Sequence[int], obs: Array) -> None:
        num_envs, size = self.num_envs, self.group_size  # a group plays from one start state
        seeds = [
            episode_seed(self._seeds[row // num_envs], self._stream, row % num_envs // size, index)
            for row, index in zip(rows, self._tally.index[list(rows)].tolist(), strict=True)
        ]
        self._backend.reset(rows, seeds, obs)
