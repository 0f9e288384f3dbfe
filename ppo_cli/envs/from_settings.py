"""Environments from settings: the one place where a config meets ``envs``."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ppo_cli.config.schema import RunConfig
from ppo_cli.config.sections import SHAPING_TERMS
from ppo_cli.envs.member_envs import MemberEnvs, make_member_envs
from ppo_cli.envs.shaping import ShapingParams
from ppo_cli.envs.whole_episodes import check_whole_episodes


def make_envs(configs: Sequence[RunConfig], num_envs: int | None = None) -> MemberEnvs:
    """The training environments of a population.

    Args:
        configs: One per member, with equal static settings.
        num_envs: Environments per member in place of the setting: 1 is enough to see whether they work.

    Raises:
        UsageError: The environment or the shaping cannot be had, or whole episodes are needed and do not
            fit into a rollout; the message says why.
    """
    config = configs[0]
    check_whole_episodes(config)
    return make_member_envs(
        config.env_id,
        config.env_kwargs,
        num_envs or config.rollout.num_envs,
        [config.seed for config in configs],
        [shaping_params(config) for config in configs],
        num_workers=_num_workers(config),
        group_size=config.facts.envs_per_start(config.learning) if num_envs is None else 1,
        cut_is_end=not config.facts.bootstraps(config.learning),
        compiled=config.compute.engine == "compiled",
    )


def shaping_params(config: RunConfig) -> ShapingParams:
    """A config's reward shaping as the environments take it."""
    shaping = config.reward_shaping
    weights = {term: getattr(shaping, term) for term in SHAPING_TERMS} | dict(shaping.custom)
    return ShapingParams(shaping.mode, shaping.scale, weights, config.learning.gamma, shaping.terms)


def _num_workers(config: RunConfig) -> int:
    """Processes that may step environments beside this one: as set, or one per further core."""
    if config.compute.env_workers is not None:
        return config.compute.env_workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores - 1 if os.name == "posix" else 0
