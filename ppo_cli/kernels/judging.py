"""What an update has to know of a rollout: ``c/judge.c``."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref

import numpy as np

from ppo_cli.kernels import structs
from ppo_cli.kernels.arrays import Rows, for_ranges, pair, scratch
from ppo_cli.kernels.structs import Network


def judge(
    lib: ctypes.CDLL,
    network: Network,
    params: np.ndarray,  # [M, P]
    obs: np.ndarray,  # [M, B', O], of which the first B have actions
    actions: np.ndarray | None,  # [M, B] int64 or [M, B, A]; None where only heads are wanted, of all B'
    *,
    wanted: tuple[str, ...] = ("values", "log_probs"),
    old_head: np.ndarray | None = None,  # [M, B, K]
    old_log_std: np.ndarray | None = None,  # [M, A]
    num_threads: int = 1,
) -> dict[str, np.ndarray]:
    """What the members' networks say of what was done.

    Args:
        lib: See :func:`~ppo_cli.kernels.signatures.declare`.
        network: The shape of the networks.
        params: The members'.
        obs: What was seen. Members may share it: a stride of 0.
        actions: What was done.
        wanted: Any of ``heads`` ``[M, B, K]``, ``values`` ``[M, B']`` (zeros without a critic),
            ``log_probs``, ``entropies`` and ``kls``, KL(old || this policy), ``[M, B]``.
        old_head: What the old policy said, for ``kls``.
        old_log_std: The same of its log standard deviation, when Gaussian.
        num_threads: Members at work at once.
    """
    num_members, num_obs, _ = obs.shape
    size = num_obs if actions is None else actions.shape[1]
    shapes = {"heads": (size, network.num_outputs), "values": (num_obs,)}
    out = {name: np.zeros((num_members, *shapes.get(name, (size,))), np.float32) for name in wanted}
    batches = pair(
        structs.Batch,
        {"obs": obs, "actions": actions, "old_head": old_head, "old_log_std": old_log_std},
        {"actions": np.float32 if actions is None or actions.dtype != np.int64 else np.int64},
        size=size,
    )
    judgements = pair(structs.Judgement, out)
    p, needed = Rows(params), lib.judge_scratch(byref(network))

    def work(first: int, count: int) -> None:
        lib.judge(
            byref(network), first, count, p.at(0), p.stride, batches, num_obs, judgements, scratch(needed)
        )

    for_ranges(num_members, work, num_threads)
    return out


def gae(
    lib: ctypes.CDLL,
    rewards: np.ndarray,  # [M, T, N]
    values: np.ndarray,  # [M, T + 1, N]
    terminated: np.ndarray,  # [M, T, N] bool
    truncated: np.ndarray,  # [M, T, N] bool
    gamma: np.ndarray,  # [M]
    gae_lambda: np.ndarray,  # [M]
) -> np.ndarray:  # [M, T, N]
    """Generalised advantage estimation, as ``ppo_cli.learn.advantages`` has it."""
    return _backwards(lib.gae, rewards, values, terminated, truncated, gamma=gamma, gae_lambda=gae_lambda)


def rewards_to_go(
    lib: ctypes.CDLL,
    rewards: np.ndarray,  # [M, T, N]
    values: np.ndarray | None,  # [M, T + 1, N]; None for zeros
    terminated: np.ndarray,  # [M, T, N] bool
    truncated: np.ndarray,  # [M, T, N] bool
    gamma: np.ndarray,  # [M]
) -> np.ndarray:  # [M, T, N]
    """What an episode still pays from each step on, as ``ppo_cli.learn.advantages`` has it."""
    return _backwards(lib.rewards_to_go, rewards, values, terminated, truncated, gamma=gamma)


def _backwards(
    function: Callable[..., None],
    rewards: np.ndarray,
    values: np.ndarray | None,
    terminated: np.ndarray,
    truncated: np.ndarray,
    **factors: np.ndarray,  # [M] each
) -> np.ndarray:  # [M, T, N]
    """A sum over the steps of each member's rollout, from the last to the first."""
    sums = np.empty_like(rewards)
    num_members, num_steps, num_envs = rewards.shape
    own = {name: np.ascontiguousarray(values, np.float32) for name, values in factors.items()}
    arrays = {"rewards": rewards, "values": values, "terminated": terminated, "truncated": truncated}
    kinds = {"terminated": np.bool_, "truncated": np.bool_}
    function(num_members, num_steps, num_envs, pair(_Rewards, {**arrays, "sums": sums, **own}, kinds))
    return sums


class _Rewards(ctypes.Structure):
    """``Rewards`` in ``c/judge.c``."""

    _fields_ = (
        ("rewards", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("terminated", ctypes.c_void_p),
        ("truncated", ctypes.c_void_p),
        ("sums", ctypes.c_void_p),
        ("gamma", ctypes.c_void_p),
        ("gae_lambda", ctypes.c_void_p),
    )
