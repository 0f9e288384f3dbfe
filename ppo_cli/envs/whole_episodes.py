"""Rollouts that hold whole episodes, for the algorithms that learn from them. No environment is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ppo_cli.config.assignments import Assignment
from ppo_cli.config.problems import Origin, Problem, refuse
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError

NUM_STEPS = "rollout.num_steps"
TIME_LIMIT = "env_kwargs.max_episode_steps"


def with_whole_episodes(config: RunConfig, given: Mapping[str, Assignment]) -> tuple[RunConfig, str | None]:
    """The settings with rollouts as long as an episode may be, where the algorithm needs that.

    Args:
        config: The settings, with the id of the environment that runs.
        given: What the user gave, by path, each with its place.

    Returns:
        The settings, and a notice when ``num_steps`` has become the environment's time limit.

    Raises:
        UsageError: The user gave a shorter ``num_steps``, or the environment has no time limit.
    """
    problem = _problem(config)
    if problem is None:
        return config, None
    if problem.key != NUM_STEPS or NUM_STEPS in given:
        blamed = given.get(problem.key or "")
        refuse([replace(problem, origin=blamed.name_origin) if blamed else problem])
    steps = time_limit(config)
    notice = f"num_steps is {steps}, the longest episode of {config.env_id}: {config.algorithm} learns from"
    return with_values(config, {"num_steps": steps}), f"{notice} whole episodes"


def check_whole_episodes(config: RunConfig) -> None:
    """Refuse rollouts that are shorter than an episode may be, where the algorithm needs whole ones.

    Raises:
        UsageError: They are, or the environment has no time limit.
    """
    problem = _problem(config)
    if problem is not None:
        raise UsageError(f"{problem.key}: {problem.text}", hint=problem.hint, key=problem.key)


def time_limit(config: RunConfig) -> int | None:
    """The most steps of an episode: as ``env_kwargs`` say, or as Gymnasium has it; None without a limit."""
    from ppo_cli.envs.registry import registered_spec

    own = config.env_kwargs.get("max_episode_steps")
    if isinstance(own, int) and not isinstance(own, bool):
        return own if own > 0 else None  # -1 is Gymnasium's word for none
    return registered_spec(config.env_id).max_episode_steps


def endless_notice(config: RunConfig) -> str | None:
    """What to say before training where episodes may have no end; None where a time limit ends them."""
    from ppo_cli.envs.factory import ENDLESS

    if time_limit(config) is not None:
        return None
    return (
        f"{config.env_id} declares no time limit: evaluations cut an episode off after {ENDLESS:,} steps, "
        f"training does not (--set {TIME_LIMIT}=1000 gives it one)"
    )


def _problem(config: RunConfig) -> Problem | None:
    if not config.facts.whole_episodes:
        return None
    why, place = f"{config.algorithm} learns from whole episodes", Origin("settings")
    limit = time_limit(config)
    if limit is None:
        hint = f"give it one: --set {TIME_LIMIT}=1000"
        return Problem(place, "env_id", f"{config.env_id} has no time limit; {why}", hint)
    if config.rollout.num_steps >= limit:
        return None
    text = f"an episode of {config.env_id} takes up to {limit} steps; {why}"
    return Problem(place, NUM_STEPS, text, f"set num_steps to {limit} or more")
