"""The classic-control environments compiled: ``c/physics.h``, Gymnasium's to the bit.

Which of them can take an environment's place, and R of them stepped together.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.kernels.arrays import address

Array = NDArray[Any]

STATE_SIZE = 4
GENERATOR_WORDS = 4
_MAX_ARGUMENT = 1e6


@dataclass(frozen=True)
class Kind:
    """One of the environments.

    Attributes:
        number: Which, in C.
        name: As the ids begin.
        obs_size: O.
        num_actions: How many there are; None where an action is a number, float32 [1].
        argument: The argument that its constructor takes, beside the render mode.
        default: The argument's value when nobody gives it.
    """

    number: int
    name: str
    obs_size: int
    num_actions: int | None
    argument: str | None = None
    default: float = 0.0


_CLASSIC = "gymnasium.envs.classic_control"
KINDS = {
    f"{_CLASSIC}.cartpole:CartPoleEnv": Kind(0, "CartPole", 4, 2, "sutton_barto_reward"),
    f"{_CLASSIC}.pendulum:PendulumEnv": Kind(1, "Pendulum", 3, None, "g", 10.0),
    f"{_CLASSIC}.acrobot:AcrobotEnv": Kind(2, "Acrobot", 6, 3),
    f"{_CLASSIC}.mountain_car:MountainCarEnv": Kind(3, "MountainCar", 2, 3, "goal_velocity"),
    f"{_CLASSIC}.continuous_mountain_car:Continuous_MountainCarEnv": Kind(
        4, "MountainCarContinuous", 2, None, "goal_velocity"
    ),
}
"""By the entry point with which Gymnasium registers them: an id says less, for it can be given anew."""


def compiled_kind(entry_point: Any, arguments: Mapping[str, Any]) -> tuple[Kind, float] | str:
    """Which compiled environment equals one of Gymnasium's.

    Args:
        entry_point: As registered.
        arguments: Of the constructor, without time limit and render mode.

    Returns:
        The environment and the argument of its constructor; or why there is none, in words.
    """
    kind = KINDS.get(entry_point) if isinstance(entry_point, str) else None
    if kind is None:
        return f"{entry_point} is not among the compiled environments"
    others = [name for name in arguments if name != kind.argument]
    if others:
        return f"the compiled environment does not take {', '.join(others)}"
    value = arguments.get(kind.argument, kind.default) if kind.argument else kind.default
    if not isinstance(value, bool | int | float) or not abs(value) <= _MAX_ARGUMENT:
        return f"the compiled environment does not take {kind.argument}={value!r}"
    return kind, float(value)


class EnvironmentStruct(ctypes.Structure):
    """``Environment`` in ``c/environment.h``."""

    _fields_ = (
        ("kind", ctypes.c_int64),
        ("obs_size", ctypes.c_int64),
        ("step_limit", ctypes.c_int64),
        ("argument", ctypes.c_double),
    )


class CompiledEnvironments:
    """R environments of one kind. Their episodes are those that Gymnasium plays, whatever R is.

    Args:
        lib: See :func:`~ppo_cli.kernels.signatures.declare`.
        kind: Which environments.
        num_rows: R.
        argument: The argument of the constructor.
        step_limit: Steps after which an episode is truncated; 0 for never.

    Attributes:
        state: float64 [R, 4].
        generators: The state of each row's random numbers, uint64 [R, 4].
        lengths: Steps since the reset, int64 [R].
    """

    def __init__(
        self, lib: ctypes.CDLL, kind: Kind, num_rows: int, argument: float | None = None, step_limit: int = 0
    ) -> None:
        self._lib, self._kind = lib, kind
        value = kind.default if argument is None else argument
        self.environment = EnvironmentStruct(kind.number, kind.obs_size, step_limit, value)
        self.state = np.zeros((num_rows, STATE_SIZE))
        self.generators = np.zeros((num_rows, GENERATOR_WORDS), np.uint64)
        self.lengths = np.zeros(num_rows, np.int64)

    def reset(self, rows: Sequence[int] | Array, seeds: Sequence[int] | None, obs: Array) -> None:
        """Start an episode in some environments.

        Args:
            rows: Which.
            seeds: Their seeds, below 2**64; None to go on with the random numbers of each, as Gymnasium's
                ``reset()`` does.
            obs: Float32 [R, O]; these rows are overwritten.

        Raises:
            ValueError: A row that is not there, or an array of another shape or type.
        """
        which = np.ascontiguousarray(rows, np.int64)
        given = None if seeds is None else np.array(seeds, np.uint64)
        if which.size and not (which.min() >= 0 and which.max() < len(self.state)):
            raise ValueError(f"there are {len(self.state)} environments, no rows {which.tolist()}")
        if given is not None and given.shape != which.shape:
            raise ValueError(f"{given.size} seeds for {which.size} environments")
        self._check_obs(obs)
        self._lib.reset_environments(
            ctypes.byref(self.environment),
            which.size,
            address(which),
            None if given is None else address(given),
            address(self.state),
            address(self.generators),
            address(self.lengths),
            address(obs),
        )

    def step(self, actions: Array, mask: Array, obs: Array) -> tuple[Array, Array, Array]:
        """Take a step where ``mask`` [R], and leave the others untouched.

        Args:
            actions: int64 [R], or float32 [R, 1].
            mask: Which environments, bool [R].
            obs: Float32 [R, O]; rows of stepped environments are overwritten.

        Returns:
            Rewards float64 [R], terminated bool [R], truncated bool [R]; zero and False where not stepped.

        Raises:
            ValueError: An action that there is not, or an array of another shape or type.
        """
        num_rows = len(self.state)
        sent = self._checked(actions)
        ready = np.ascontiguousarray(mask, np.bool_)
        if ready.shape != (num_rows,):
            raise ValueError(f"a mask of {ready.shape} for {num_rows} environments")
        self._check_obs(obs)
        rewards = np.empty(num_rows)
        terminated, truncated = np.empty(num_rows, np.bool_), np.empty(num_rows, np.bool_)
        self._lib.step_environments(
            ctypes.byref(self.environment),
            num_rows,
            address(ready),
            address(sent),
            address(self.state),
            address(self.lengths),
            address(obs),
            address(rewards),
            address(terminated),
            address(truncated),
        )
        return rewards, terminated, truncated

    def keep(self, rows: Sequence[int]) -> None:
        """Keep only the environments ``rows``, in that order."""
        chosen = list(rows)
        self.state = np.ascontiguousarray(self.state[chosen])
        self.generators = np.ascontiguousarray(self.generators[chosen])
        self.lengths = np.ascontiguousarray(self.lengths[chosen])

    def _checked(self, actions: Array) -> Array:
        num_actions = self._kind.num_actions
        shape = (len(self.state), 1) if num_actions is None else (len(self.state),)
        if actions.shape != shape:
            raise ValueError(f"actions of shape {actions.shape}, not {shape}")
        if num_actions is None:
            return np.ascontiguousarray(actions, np.float32)
        sent = np.ascontiguousarray(actions, np.int64)
        if np.count_nonzero(sent.view(np.uint64) >= num_actions):  # as unsigned, a negative number is large
            raise ValueError(f"actions are 0 to {num_actions - 1}, not {actions.tolist()}")
        return sent

    def _check_obs(self, obs: Array) -> None:
        shape = (len(self.state), self._kind.obs_size)
        if obs.shape != shape or obs.dtype != np.float32 or not obs.flags.c_contiguous:
            raise ValueError(f"obs has to be contiguous float32 {shape}, not {obs.dtype} {obs.shape}")
