"""Which backend steps the environments: the fastest that gives the environment's own results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from ppo_cli.envs.backends import Backend, CartPoleBackend, LoopBackend
from ppo_cli.envs.compiled import CompiledBackend
from ppo_cli.envs.factory import is_bare, is_own, make_env
from ppo_cli.envs.user_code import split_reference
from ppo_cli.envs.workers import WorkerBackend

# A vector step of CartPole costs as much as this many single steps. Both give the same bits.
_CARTPOLE_FROM = 8

# Steps of 20 µs and more. The other environments take less than half of that.
_WORTH_A_PROCESS = ("gymnasium.envs.box2d.", "gymnasium.envs.classic_control.acrobot")
_ROWS_PER_PROCESS = 8


def make_backend(
    env_id: str,
    env_kwargs: Mapping[str, Any],
    num_rows: int,
    num_workers: int = 0,
    compiled: bool = False,
) -> Backend:
    """R environments of one kind, by the fastest backend that gives the environment's own results.

    Worker processes are used where a step costs enough, and where a fresh interpreter knows the environment.

    Args:
        env_id: As for :func:`ppo_cli.envs.factory.make_env`.
        env_kwargs: Arguments of the environment's constructor.
        num_rows: R.
        num_workers: Processes besides this one that may be used.
        compiled: Whether compiled kernels may be used.

    Raises:
        UsageError: As :func:`ppo_cli.envs.factory.make_env`.
    """
    first = make_env(env_id, env_kwargs)
    if compiled and is_bare(first):
        backend = CompiledBackend.of(env_id, env_kwargs, num_rows, first)
        if backend is not None:
            return backend
    if type(first.unwrapped) is CartPoleEnv and is_bare(first) and num_rows >= _CARTPOLE_FROM:
        return CartPoleBackend(env_id, env_kwargs, num_rows, first)
    num_workers = min(num_workers, num_rows // _ROWS_PER_PROCESS - 1)
    is_slow = type(first.unwrapped).__module__.startswith(_WORTH_A_PROCESS)
    if num_workers > 0 and is_slow and (is_own(first) or split_reference(env_id)[0]):
        return WorkerBackend(env_id, env_kwargs, num_rows, first, num_workers)
    return LoopBackend(env_id, env_kwargs, num_rows, first)
