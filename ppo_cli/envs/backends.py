"""Two ways to step R environments: one after the other, or Gymnasium's vectorised CartPole.

A backend knows physics and nothing else. Seeds, time limits, episode ends and shaping belong to
:class:`ppo_cli.envs.member_envs.MemberEnvs`, so that they are the same for both.

What costs time around an environment's own step is left out where the result is the same: the wrappers of
``gym.make`` that count steps and check the order of calls, and the check of each action against the
action space (1.4 µs of 7 in MountainCar, 6 µs per vector step in CartPole), which is made here for all
actions at once. LunarLander has a step of our own, :mod:`ppo_cli.envs.lander`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from ppo_cli.envs.factory import Env, is_bare, is_own, make_env, spec_of
from ppo_cli.envs.guard import FAULTS, Guarded, env_fault, stepping
from ppo_cli.errors import PpoError
from ppo_cli.spaces import EnvSpec

if TYPE_CHECKING:
    from ppo_cli.envs.lander import LanderStepper

Array = NDArray[Any]
Outcome = tuple[Array, Array, Array]

# Here an episode depends on what the same object played before: BipedalWalker builds all its episodes in one
# Box2D world, and half of them differ by rounding. So each gets a new object: 0.35 ms, with a reset of
# 2.4 ms. (Gymnasium cured LunarLander of this in v3. Of other environments it cannot be known.)
_LEAVE_TRACES = ("gymnasium.envs.box2d.bipedal_walker",)

# These give the same for a plain integer as for NumPy's, some of them faster: MountainCar by a tenth.
_TAKE_INTS = ("gymnasium.envs.classic_control.", "gymnasium.envs.box2d.")


class Backend(Protocol):
    """R environments that are reset one by one and stepped together.

    Attributes:
        spec: What the environment is.
        step_limit: The time limit that the caller has to apply, or None when the backend does it.
        action_dtype: The type in which actions are sent.
    """

    spec: EnvSpec
    step_limit: int | None
    action_dtype: np.dtype[Any]

    def reset(self, rows: Sequence[int], seeds: Sequence[int], obs: Array) -> None:
        """Reset the environments ``rows``, each with its seed; write to these rows of ``obs`` [R, O].

        Raises:
            UsageError: The environment's own code failed.
        """

    def step(self, actions: Array, mask: Array, obs: Array) -> Outcome:
        """Step the environments where ``mask`` [R] and leave the others untouched.

        Args:
            actions: As sent to the environment, [R] or [R, A].
            mask: Which environments, bool [R].
            obs: Float32 [R, O]; rows of stepped environments are overwritten.

        Returns:
            Rewards float64 [R], terminated bool [R], truncated bool [R]; zero and False where not stepped.

        Raises:
            UsageError: The environment's own code failed.
        """

    def keep(self, rows: Sequence[int]) -> None:
        """Keep only the environments ``rows``, in that order."""

    def close(self) -> None:
        """Free what the environments hold."""


class LoopBackend:
    """R single environments, stepped one after the other.

    Args:
        env_id: An id from :func:`ppo_cli.envs.registry.resolve_env_id`.
        env_kwargs: Arguments of the environment's constructor.
        num_rows: R.
        first: The first of the R environments, already made.
    """

    def __init__(self, env_id: str, env_kwargs: Mapping[str, Any], num_rows: int, first: Env) -> None:
        self.spec = spec_of(env_id, first)
        space = first.action_space
        self.action_dtype = np.dtype(space.dtype)
        self._start = int(getattr(space, "start", 0))
        self._sends_ints = is_bare(first) and type(first.unwrapped).__module__.startswith(_TAKE_INTS)
        self._shape = space.shape or ()
        self._stepping = contextlib.nullcontext() if is_own(first) else stepping()
        self.step_limit = self.spec.max_episode_steps if is_bare(_inner(first)) else None
        self._make = partial(make_env, env_id, env_kwargs)
        self._renews = type(first.unwrapped).__module__ in _LEAVE_TRACES
        self._envs = [first, *(self._make() for _ in range(num_rows - 1))]
        self._steppers = [_stepper(env) for env in self._envs]

    def reset(self, rows: Sequence[int], seeds: Sequence[int], obs: Array) -> None:
        """See :class:`Backend`."""
        for row, seed in zip(rows, seeds, strict=True):
            self._reset_one(row, seed, obs)

    def _reset_one(self, row: int, seed: int, obs: Array) -> None:
        if self._renews:
            self._envs[row].close()
            self._envs[row] = self._make()
            self._steppers[row] = _stepper(self._envs[row])
        call = f"reset(seed={seed})"
        try:
            obs[row], _ = self._steppers[row].reset(seed=seed)
        except PpoError:
            raise
        except FAULTS as error:
            raise env_fault(self.spec.env_id, call, error) from error

    def step(self, actions: Array, mask: Array, obs: Array) -> Outcome:
        """See :class:`Backend`."""
        rewards = np.zeros(len(mask))
        terminated = np.zeros(len(mask), dtype=np.bool_)
        truncated = np.zeros(len(mask), dtype=np.bool_)
        sent = self._sent(actions)
        steppers = self._steppers
        row = 0
        try:
            with self._stepping:
                for row in mask.nonzero()[0].tolist():
                    # what comes back is copied at once: the stepper may overwrite it in its next step
                    obs[row], rewards[row], ended, cut, _ = steppers[row].step(sent[row])
                    if ended:
                        terminated[row] = True
                    if cut:
                        truncated[row] = True
        except PpoError:
            raise
        except FAULTS as error:
            raise env_fault(self.spec.env_id, f"step({sent[row]!r})", error) from error
        return rewards, terminated, truncated

    def keep(self, rows: Sequence[int]) -> None:
        """See :class:`Backend`."""
        kept = set(rows)
        for row, env in enumerate(self._envs):
            if row not in kept:
                env.close()
        self._envs = [self._envs[row] for row in rows]
        self._steppers = [self._steppers[row] for row in rows]

    def close(self) -> None:
        """See :class:`Backend`."""
        for env in self._envs:
            env.close()

    def _sent(self, actions: Array) -> Sequence[Any]:
        """Convert actions to what each environment expects: integers, or arrays of the space's shape."""
        if actions.ndim == 1:
            _check_actions(actions, self.spec)
            shifted = actions + self._start if self._start else actions
            return shifted.tolist() if self._sends_ints else list(shifted)
        return list(actions.reshape(len(actions), *self._shape).copy())


class CartPoleBackend:
    """Gymnasium's vectorised CartPole, each column reset from its own seed as a single CartPole would be.

    Args:
        env_id: ``CartPole-v1`` or ``CartPole-v0``.
        env_kwargs: Arguments of the environment's constructor.
        num_rows: R.
        first: A single environment, already made; it gives the start states.
    """

    def __init__(self, env_id: str, env_kwargs: Mapping[str, Any], num_rows: int, first: Env) -> None:
        self.spec = spec_of(env_id, first)
        self.step_limit = self.spec.max_episode_steps
        self.action_dtype = np.dtype(np.int64)
        self._single = first
        self._cartpole: Any = first.unwrapped
        self._kwargs = {name: value for name, value in env_kwargs.items() if name != "max_episode_steps"}
        self._state: Array = np.zeros((4, num_rows))
        self._make_vector(num_rows)

    def reset(self, rows: Sequence[int], seeds: Sequence[int], obs: Array) -> None:
        """See :class:`Backend`."""
        for row, seed in zip(rows, seeds, strict=True):
            obs[row], _ = self._cartpole.reset(seed=seed)
            self._state[:, row] = self._cartpole.state

    def step(self, actions: Array, mask: Array, obs: Array) -> Outcome:
        """See :class:`Backend`."""
        _check_actions(actions, self.spec)
        vector = self._vector
        vector.state = before = self._state
        vector.prev_done = self._never  # its own autoreset would draw start states that belong to no episode
        _, rewards, terminated, _, _ = vector.step(actions)
        self._state = state = vector.state
        rewards = rewards + np.float64(0.0)  # float64, and -0.0 becomes 0.0, as a single CartPole gives
        if np.count_nonzero(mask) < len(mask):
            idle = ~mask
            state[:, idle] = before[:, idle]
            rewards[idle] = 0.0
            terminated &= mask
        obs[:] = state.T
        return rewards, terminated, self._never

    def keep(self, rows: Sequence[int]) -> None:
        """See :class:`Backend`."""
        self._state = np.ascontiguousarray(self._state[:, list(rows)])
        self._make_vector(len(rows))

    def close(self) -> None:
        """See :class:`Backend`."""
        self._single.close()
        self._vector.close()

    def _make_vector(self, num_rows: int) -> None:
        # The time limit is applied by the caller, as for every backend: here it only has to be out of reach.
        limit = int(np.iinfo(np.int32).max)
        self._vector: Any = CartPoleVectorEnv(num_rows, max_episode_steps=limit, **self._kwargs)
        checked: Any = _CheckedSpace()
        self._vector.action_space = checked
        self._never = np.zeros(num_rows, dtype=np.bool_)
        self._never.flags.writeable = False


class _CheckedDiscrete(Discrete):
    """The action space of an environment whose actions were checked by :func:`_check_actions`."""

    def contains(self, x: Any) -> bool:
        """True: already checked."""
        return True


class _CheckedSpace:
    """The same for vectorised actions."""

    def contains(self, _actions: Any) -> bool:
        """True: already checked."""
        return True


def _check_actions(actions: Array, spec: EnvSpec) -> None:
    if np.count_nonzero(
        actions.view(np.uint64) >= spec.action.size
    ):  # as unsigned, a negative number is large
        raise ValueError(f"{spec.env_id} takes actions 0 to {spec.action.size - 1}, not {actions.tolist()}")


def _inner(env: Env) -> Env:
    """The environment within its guard."""
    return env.env if isinstance(env, Guarded) else env


def _stepper(env: Env) -> Env | LanderStepper:
    """Strip wrappers of ``env`` that do not change results, so that a step takes less time."""
    if isinstance(env, Guarded):
        return Guarded(env.unwrapped, env.env_id) if is_bare(env.env) else env
    if not is_bare(env):
        return env
    bare, space = env.unwrapped, env.action_space
    if isinstance(space, Discrete):
        bare.action_space = _CheckedDiscrete(int(space.n), start=int(space.start))
    if type(bare).__module__ != "gymnasium.envs.box2d.lunar_lander":
        return bare
    from ppo_cli.envs.lander import lander_stepper  # which needs Box2D

    return lander_stepper(bare)
