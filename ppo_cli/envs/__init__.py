"""Environments: which there are, M * N of them at once, episodes that can be repeated, reward shaping."""

from ppo_cli.envs.episodes import EpisodeProgress, EpisodeRecord, ReplayReport
from ppo_cli.envs.factory import env_spec, make_env
from ppo_cli.envs.member_envs import MemberEnvs, Step, make_member_envs
from ppo_cli.envs.registry import KnownEnv, ResolvedEnv, known_envs, resolve_env_id
from ppo_cli.envs.shaping import RewardShaping, ShapingParams
from ppo_cli.envs.user_terms import agree_to_terms

__all__ = [
    "EpisodeProgress",
    "EpisodeRecord",
    "KnownEnv",
    "MemberEnvs",
    "ReplayReport",
    "ResolvedEnv",
    "RewardShaping",
    "ShapingParams",
    "Step",
    "agree_to_terms",
    "env_spec",
    "known_envs",
    "make_env",
    "make_member_envs",
    "resolve_env_id",
]
