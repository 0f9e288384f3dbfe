"""What an update has to know of a rollout: ``c/judge.c``."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref

import numpy as np

from ppo_cli.kernels import structs
from ppo_cli.kernels.arrays import Rows, for_members, scratch
from ppo_cli.kernels.structs import Network


def judge(
    lib: ctypes.CDLL,
    network: Network,
    params: np.ndarray,  # [M, P]
    obs: np.ndarray,  # [M, B', O], of which the first B have actions
    actions: np.ndarray,  # [M, B] int64 or [M, B, A]
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
        obs: What was seen.
        actions: What was done.
        wanted: Any of ``heads`` ``[M, B, K]``, ``values`` ``[M, B']`` (zeros without a critic),
            ``log_probs``, ``entropies`` and ``kls``, KL(old || this policy), ``[M, B]``.
        old_head: What the old policy said, for ``kls``.
        old_log_std: The same of its log standard deviation, when Gaussian.
        num_threads: Members at work at once.
    """
    num_members, num_obs, _ = obs.shape
    size = actions.shape[1]
    shapes = {"heads": (size, network.num_outputs), "values": (num_obs,)}
    out = {name: np.zeros((num_members, *shapes.get(name, (size,))), np.float32) for name in wanted}
    places = [Rows(out.get(name)) for name, _ in structs.Judgement._fields_]
    p, o, a = Rows(params), Rows(obs), Rows(actions, np.int64 if actions.dtype == np.int64 else np.float32)
    old, old_std = Rows(old_head), Rows(old_log_std)
    needed = lib.judge_scratch(byref(network))

    def work(m: int) -> None:
        batch = structs.Batch(
            size=size, obs=o.at(m), actions=a.at(m), old_head=old.at(m), old_log_std=old_std.at(m)
        )
        judgement = structs.Judgement(*(place.at(m) for place in places))
        lib.judge(byref(network), p.at(m), byref(batch), num_obs, byref(judgement), scratch(needed))

    for_members(num_members, work, num_threads)
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
    return _backwards(lib.gae, rewards, values, terminated, truncated, gamma, gae_lambda)


def rewards_to_go(
    lib: ctypes.CDLL,
    rewards: np.ndarray,  # [M, T, N]
    values: np.ndarray | None,  # [M, T + 1, N]; None for zeros
    terminated: np.ndarray,  # [M, T, N] bool
    truncated: np.ndarray,  # [M, T, N] bool
    gamma: np.ndarray,  # [M]
) -> np.ndarray:  # [M, T, N]
    """What an episode still pays from each step on, as ``ppo_cli.learn.advantages`` has it."""
    return _backwards(lib.rewards_to_go, rewards, values, terminated, truncated, gamma)


def _backwards(
    function: Callable[..., None],
    rewards: np.ndarray,
    values: np.ndarray | None,
    terminated: np.ndarray,
    truncated: np.ndarray,
    *factors: np.ndarray,  # [M] each
) -> np.ndarray:  # [M, T, N]
    """A sum over the steps of each member's rollout, from the last to the first."""
    sums = np.empty_like(rewards)
    num_members, num_steps, num_envs = rewards.shape
    r, v, out = Rows(rewards), Rows(values), Rows(sums)
    ended, cut = Rows(terminated, np.bool_), Rows(truncated, np.bool_)
    for m in range(num_members):
        own = (float(factor[m]) for factor in factors)
        function(num_steps, num_envs, r.at(m), v.at(m), ended.at(m), cut.at(m), *own, out.at(m))
    return sums
