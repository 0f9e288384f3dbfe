"""Environment ids: which exist, which retired ones have a successor, which are near a typing error."""

from __future__ import annotations

import difflib
import re
import sys
from dataclasses import dataclass

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec as GymSpec

from ppo_cli.envs.user_code import import_agreed, split_reference
from ppo_cli.errors import UsageError

_ID = re.compile(r"[A-Za-z0-9_./:-]+")
_VERSION = re.compile(r"(.+)-v(\d+)")


@dataclass(frozen=True)
class KnownEnv:
    """An environment that ``ppo`` is tuned for and tested with.

    Attributes:
        env_id: Gymnasium's id.
        task: The task in a few words.
        reward_threshold: Gymnasium's "solved" mark, or None where it has none.
        max_episode_steps: Time limit, or None.
    """

    env_id: str
    task: str
    reward_threshold: float | None
    max_episode_steps: int | None


_TASKS = {
    "CartPole-v1": "balance a pole on a cart",
    "LunarLander-v3": "land between the flags, engines on or off",
    "LunarLanderContinuous-v3": "land between the flags, engines throttled",
    "Pendulum-v1": "swing up and hold a pendulum with a weak motor",
    "Acrobot-v1": "swing the tip of a two-link arm above a line",
    "MountainCar-v0": "rock a weak car up a hill, push left or right",
    "MountainCarContinuous-v0": "rock a weak car up a hill, with little effort",
    "BipedalWalker-v3": "walk over rough ground on two legs",
}

_LANDER_CHANGE = "same task; the world is new in each episode, and wind and declared bounds are corrected"
_CHANGES = {"LunarLander-v3": _LANDER_CHANGE, "LunarLanderContinuous-v3": _LANDER_CHANGE}


@dataclass(frozen=True)
class ResolvedEnv:
    """The environment id that a user asked for, and the one that runs.

    Attributes:
        requested: The id as typed.
        env_id: The id that runs; a ``module:`` in front is kept.
        notice: A sentence for stderr when the two differ, or None.
    """

    requested: str
    env_id: str
    notice: str | None = None


def known_envs() -> tuple[KnownEnv, ...]:
    """The environments of the product's list, with Gymnasium's thresholds and time limits."""
    return tuple(
        KnownEnv(env_id, task, gym.registry[env_id].reward_threshold, gym.registry[env_id].max_episode_steps)
        for env_id, task in _TASKS.items()
    )


def resolve_env_id(env_id: str, *, allow_import: bool = False) -> ResolvedEnv:
    """The id that runs when a user asks for ``env_id``.

    A retired or missing version is replaced by the newest one (``LunarLander-v2`` or ``LunarLander`` by
    ``LunarLander-v3``).

    Args:
        env_id: A Gymnasium id, or ``module:id``.
        allow_import: Whether the user agreed to import ``module``.

    Raises:
        UsageError: No such environment, or a module that may not or cannot be imported.
    """
    if not _ID.fullmatch(env_id):
        raise UsageError(
            f"{env_id!r} is not an environment id", hint="an id looks like CartPole-v1", key="env_id"
        )
    module, name = split_reference(env_id)
    if module:
        import_agreed(env_id, key="env_id", agreed=allow_import)
    if name in gym.registry:
        return ResolvedEnv(env_id, env_id)
    successor = _successor(name)
    if successor is None:
        raise _unregistered(module, name) if module else _unknown(env_id, name)
    retired = _VERSION.fullmatch(name) is not None
    change = _CHANGES.get(successor) if retired else None
    why = f"{name} is retired in Gymnasium" if retired else f"{name} has no version"
    notice = f"{why}; running {successor}" + (f" ({change})" if change else "")
    return ResolvedEnv(env_id, f"{module}:{successor}" if module else successor, notice)


def registered_spec(env_id: str) -> GymSpec:
    """Gymnasium's entry of an id that :func:`resolve_env_id` gave.

    Raises:
        UsageError: No such environment, or its module may not be imported.
    """
    resolved = resolve_env_id(env_id)
    spec: GymSpec = gym.registry[split_reference(resolved.env_id)[1]]
    return spec


def solved_at(env_id: str) -> float | None:
    """Gymnasium's "solved" mark; None where there is none, or where asking would import a user's module."""
    try:
        return registered_spec(env_id).reward_threshold
    except UsageError:
        return None


def _successor(name: str) -> str | None:
    """The newest version of an environment of which ``name`` is an older version, or no version; or None."""
    match = _VERSION.fullmatch(name)
    base, version = (match[1], int(match[2])) if match else (name, -1)
    newer = [v for v in _versions(base) if v > version]
    return f"{base}-v{max(newer)}" if newer else None


def _versions(base: str) -> list[int]:
    matches = (_VERSION.fullmatch(name) for name in gym.registry)
    return [int(match[2]) for match in matches if match is not None and match[1] == base]


def _unregistered(module: str, name: str) -> UsageError:
    """The error for a module that was imported and did not register the environment."""
    own = [env_id for env_id, spec in gym.registry.items() if _entry_module(spec) == module]
    if own:
        hint = f"it registers {' and '.join(sorted(own)[:5])}: --env {module}:{sorted(own)[0]}"
        return UsageError(f"the module {module!r} registers no environment {name!r}", hint=hint, key="env_id")
    members = vars(sys.modules[module])
    kinds = [key for key, value in members.items() if isinstance(value, type) and issubclass(value, gym.Env)]
    there = [key for key in kinds if members[key].__module__ == module]
    found = name if name in members else there[0] if there else name.partition("-")[0] or "MyEnv"
    has = f"; it has {found}, which is not registered" if found in members else ""
    line = f'gymnasium.register("{found}-v0", entry_point="{module}:{found}", max_episode_steps=1000)'
    return UsageError(
        f"the module {module!r} was imported and registers no environment {name!r}{has}",
        hint=f"add to the module: {line}; then: --env {module}:{found}-v0",
        key="env_id",
    )


def _entry_module(spec: GymSpec) -> str:
    entry = spec.entry_point
    return entry.partition(":")[0] if isinstance(entry, str) else getattr(entry, "__module__", "") or ""


def _unknown(env_id: str, name: str) -> UsageError:
    by_folded = {known.casefold(): known for known in gym.registry}
    folded = name.casefold()
    near = [by_folded[key] for key in difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.6)]
    if not near:
        near = sorted(known for key, known in by_folded.items() if folded and folded in key)[:3]
    hint = f"did you mean {' or '.join(near)}?" if near else "`ppo envs` lists environments"
    return UsageError(f"there is no environment {env_id!r}", hint=hint, key="env_id")
