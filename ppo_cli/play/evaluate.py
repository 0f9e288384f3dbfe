"""Playing whole episodes with given policies, judged by the environment's own reward."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppo_cli.config.resolve import load_config
from ppo_cli.envs.factory import ENDLESS, env_spec
from ppo_cli.envs.guard import check_finite
from ppo_cli.envs.member_envs import MemberEnvs, make_member_envs
from ppo_cli.errors import CorruptFileError
from ppo_cli.kernels.playing import ONE_EPISODE
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.compiled import CompiledActorCritic, by_rows
from ppo_cli.nn.distributions import Distribution
from ppo_cli.nn.normalize import ObsNormalizer
from ppo_cli.play.policy import Policy, load_policy
from ppo_cli.rng import Stream, episode_seed, generator
from ppo_cli.runs.eval_stats import EvalStats
from ppo_cli.runs.payable import payable
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.spaces import EnvSpec

BLOCK = 64
"""Steps for which noise is drawn together, and after which an evaluation can be stopped."""


def play_episodes(
    net: ActorCritic,
    distribution: Distribution,
    params: Tensor,  # [M, P]
    normalizer: ObsNormalizer,
    *,
    env_kwargs: Mapping[str, Any],
    seeds: Sequence[int],
    stream: Stream,
    round_index: int,
    episodes: int,
    deterministic: bool = True,
    stop: Callable[[], bool] = lambda: False,
) -> list[EvalStats] | None:
    """Play ``episodes`` fresh episodes with each member's policy, each in an environment of its own.

    In an environment without a time limit an episode is cut off after ``ENDLESS`` steps.

    Args:
        net: The networks' shape.
        distribution: How actions are drawn.
        params: One policy per member.
        normalizer: Their observation statistics.
        env_kwargs: Arguments of the environment.
        seeds: The members' seeds; together with ``stream`` and ``round_index`` they fix the start states.
        stream: What the evaluation is for.
        round_index: Which evaluation of this stream it is.
        episodes: Number of episodes per member.
        deterministic: Take the most likely action instead of a sample.
        stop: Asked every 64 steps; when true, the evaluation is given up.

    Returns:
        One result per member, or None when stopped.
    """
    round_seeds = [episode_seed(seed, stream, round_index, 0) for seed in seeds]
    compiled = isinstance(net, CompiledActorCritic)
    endless = net.spec.max_episode_steps is None
    envs = make_member_envs(
        net.spec.env_id,
        env_kwargs,
        episodes,
        round_seeds,
        stream=stream,
        compiled=compiled,
        max_steps=ENDLESS,
    )
    try:
        first = envs.reset().reshape(-1, net.spec.obs_size)
        check_finite(net.spec.env_id, "reset()", first, np.zeros(0))
        play_block = _play_compiled if compiled and envs.can_play else _play_steps
        block = play_block(net, distribution, params, normalizer, envs)
        for t in itertools.count(step=BLOCK):
            if envs.pending_reset.all():
                break
            if stop():
                return None
            shape = (BLOCK, episodes, net.num_actions)
            block(None if deterministic else _noise(distribution, round_seeds, t, shape))
        records = sorted(envs.pop_episodes(), key=lambda record: (record.member, record.env))
    finally:
        envs.close()
    by_member = [records[m * episodes : (m + 1) * episodes] for m in range(len(seeds))]
    return [
        EvalStats(
            tuple(r.episode_return for r in own),
            tuple(r.length for r in own),
            deterministic,
            sum(endless and r.length == ENDLESS and not r.terminated for r in own),
            payable(net.spec.env_id, env_kwargs),
        )
        for own in by_member
    ]


Block = Callable[[Tensor | None], None]
"""Plays a block of steps, where episodes are still on, with noise ``[M, T, N, ...]`` or without."""


def _play_steps(
    net: ActorCritic, distribution: Distribution, params: Tensor, normalizer: ObsNormalizer, envs: MemberEnvs
) -> Block:
    """Play step by step."""
    sample = net.sampler(distribution, params, envs.num_envs)

    def block(noise: Tensor | None) -> None:
        for t in range(BLOCK):
            active = ~envs.pending_reset
            if not active.any():
                break
            actions = sample(normalizer(torch.from_numpy(envs.obs)), None if noise is None else noise[:, t])
            step = envs.step(net.sendable(distribution, actions).numpy(), active=active)
            obs = step.obs.reshape(-1, net.spec.obs_size)
            check_finite(net.spec.env_id, "step()", obs, step.rewards.ravel())

    return block


def _play_compiled(
    net: ActorCritic, distribution: Distribution, params: Tensor, normalizer: ObsNormalizer, envs: MemberEnvs
) -> Block:
    """Play by compiled kernels, in one go."""
    assert isinstance(net, CompiledActorCritic)
    player = net.player(distribution, params, envs.num_envs, normalizer)

    def block(noise: Tensor | None) -> None:
        envs.play(player, None if noise is None else by_rows(noise), BLOCK, ONE_EPISODE, keep_steps=False)

    return block


def _noise(distribution: Distribution, seeds: Sequence[int], t: int, shape: tuple[int, int, int]) -> Tensor:
    blocks = [distribution.noise(generator(seed, Stream.ACTION, t), shape) for seed in seeds]
    return torch.from_numpy(np.stack(blocks))


def evaluate_policy(
    policy: Policy, *, env_kwargs: Mapping[str, Any], episodes: int, seed: int, deterministic: bool
) -> EvalStats:
    """Play ``episodes`` fresh episodes with one policy; the start states follow from ``seed``."""
    results = play_episodes(
        policy.net,
        policy.distribution,
        policy.params,
        policy.normalizer,
        env_kwargs=env_kwargs,
        seeds=[seed],
        stream=Stream.USER_EVAL,
        round_index=0,
        episodes=episodes,
        deterministic=deterministic,
    )
    assert results is not None
    return results[0]


def evaluate_run(
    run: RunDir, *, episodes: int, seed: int, best: bool = False, deterministic: bool = True
) -> EvalStats:
    """Evaluate the last (or best) policy of a run on episodes that training never saw.

    Raises:
        UsageError: The run has no policy yet.
        CorruptFileError: Its files are damaged, or the policy is not one for the run's environment.
    """
    config = load_config(run.config_path)
    policy = load_policy(run.path, best=best)
    path = run.best_policy_path if best else run.policy_path
    _check_same_env(policy, env_spec(config.env_id, config.env_kwargs), path)
    torch.set_num_threads(1)
    return evaluate_policy(
        policy, env_kwargs=config.env_kwargs, episodes=episodes, seed=seed, deterministic=deterministic
    )


def _check_same_env(policy: Policy, spec: EnvSpec, path: Path) -> None:
    own = policy.shape.spec
    for what, found, expected in (
        ("environment", own.env_id, spec.env_id),
        ("size of observations", own.obs_size, spec.obs_size),
        ("kind of action", own.action.kind, spec.action.kind),
        ("number of actions", own.action.size, spec.action.size),
    ):
        if found != expected:
            raise CorruptFileError(
                f"{path} does not belong to its run: its {what} is {found!r}, the run's {expected!r}",
                file=path,
            )
