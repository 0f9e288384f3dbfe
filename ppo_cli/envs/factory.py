"""Make one environment and describe it, or say why ``ppo`` cannot train on it."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec as GymSpec
from gymnasium.envs.registration import load_env_creator
from gymnasium.spaces.utils import flatdim
from gymnasium.wrappers import FlattenObservation, OrderEnforcing, TimeLimit

from ppo_cli.envs.guard import FAULTS, Guarded, env_fault, first_line, guarding
from ppo_cli.envs.registry import registered_spec
from ppo_cli.errors import PpoError, UsageError
from ppo_cli.spaces import ActionSpec, EnvSpec

Env = gym.Env[Any, Any]

# For users; the checks are in _check_spaces.
_SUPPORTED = (
    "supported: observations that are a vector of numbers or can be flattened to one "
    "(Box, Discrete, MultiBinary, MultiDiscrete, and Dict or Tuple of them); "
    "actions that are Discrete or a Box of floats"
)
MAX_NUMBERS = 65_536
"""The most numbers of an observation or action, or choices: more are a mistake, and fill the memory."""

ENDLESS = 10_000
"""Steps after which evaluations and films cut off an episode of an environment without a time limit."""

_OWN_KWARGS = ("render_mode", "disable_env_checker", "id")


def make_env(env_id: str, env_kwargs: Mapping[str, Any] | None = None, render_mode: str | None = None) -> Env:
    """Make one environment whose observation is a flat vector, with Gymnasium's time limit around it.

    Training and evaluation never give a render mode: some environments keep every frame's objects until the
    frame is drawn, and become slower with each step.

    Args:
        env_id: An id from :func:`ppo_cli.envs.registry.resolve_env_id`.
        env_kwargs: Arguments of the environment's constructor; ``max_episode_steps`` changes the time limit.
        render_mode: Gymnasium's render mode, for ``ppo render``.

    Raises:
        UsageError: No such environment, a wrong argument, a missing dependency, a fault in the
            environment's constructor, or unsupported spaces.
    """
    spec = registered_spec(env_id)
    kwargs = _checked_kwargs(env_id, env_kwargs or {})
    if render_mode is not None or "render_mode" in spec.kwargs:
        kwargs["render_mode"] = render_mode
    try:
        with guarding():
            env = gym.make(spec, disable_env_checker=True, **kwargs)
    except PpoError:
        raise
    except (ImportError, gym.error.DependencyNotInstalled) as error:
        raise _missing(env_id, error) from error
    except FAULTS as error:
        if not env_kwargs:
            raise env_fault(env_id, "__init__()", error) from error
        raise _wrong_kwargs(env_id, spec, env_kwargs, error) from error
    try:
        _check_spaces(env_id, env)
        flat = env if _is_flat(env.observation_space) else FlattenObservation(env)
        return flat if is_own(flat) else Guarded(flat, env_id)
    except UsageError:
        Guarded(env, env_id).close()
        raise
    except FAULTS as error:  # it may have no spaces at all
        raise env_fault(env_id, "observation_space or action_space", error) from error


def is_bare(env: Env) -> bool:
    """Whether ``env`` has just the two wrappers of ``gym.make`` that counting steps can replace."""
    return type(env) is TimeLimit and type(env.env) is OrderEnforcing and env.env.env is env.unwrapped


def is_own(env: Env) -> bool:
    """Whether ``env`` is Gymnasium's own and as it is, so that it keeps what it declares."""
    return is_bare(env) and type(env.unwrapped).__module__.startswith("gymnasium.envs.")


def env_spec(env_id: str, env_kwargs: Mapping[str, Any] | None = None) -> EnvSpec:
    """Describe an environment: all that the learner needs to know of it.

    Raises:
        UsageError: As :func:`make_env`.
    """
    env = make_env(env_id, env_kwargs)
    try:
        return spec_of(env_id, env)
    finally:
        env.close()


def spec_of(env_id: str, env: Env) -> EnvSpec:
    """Describe an environment that :func:`make_env` made, as :func:`env_spec` does."""
    assert env.observation_space.shape is not None
    gym_spec = env.spec
    return EnvSpec(
        env_id=env_id,
        obs_size=int(env.observation_space.shape[0]),
        action=_action_spec(env.action_space),
        max_episode_steps=None if gym_spec is None else gym_spec.max_episode_steps,
        reward_threshold=None if gym_spec is None else gym_spec.reward_threshold,
    )


def _action_spec(space: spaces.Space[Any]) -> ActionSpec:
    if isinstance(space, spaces.Discrete):
        return ActionSpec("discrete", int(space.n))
    assert isinstance(space, spaces.Box)
    low, high = space.low.ravel().tolist(), space.high.ravel().tolist()
    return ActionSpec("box", len(low), tuple(low), tuple(high))


def _checked_kwargs(env_id: str, env_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    for name in _OWN_KWARGS:
        if name in env_kwargs:
            raise UsageError(
                f"env_kwargs.{name}: ppo decides {name} itself",
                hint=f"remove {name} from env_kwargs of {env_id}",
                key=f"env_kwargs.{name}",
            )
    return copy.deepcopy(dict(env_kwargs))  # an environment may write into lists that it is given


def _check_spaces(env_id: str, env: Env) -> None:
    obs, action = env.observation_space, env.action_space
    image = _image_in(obs)
    if image is not None:
        from ppo_cli.config.out_of_scope import IMAGES  # processes that step environments need no settings

        raise UsageError(
            f"{env_id} has image observations {image.shape}, not supported",
            hint=f"{IMAGES}; {_SUPPORTED}",
            key="env_id",
        )
    if not obs.is_np_flattenable:
        raise UsageError(f"{env_id} has observations {obs}, not supported", hint=_SUPPORTED, key="env_id")
    is_discrete = isinstance(action, spaces.Discrete)
    is_float_box = isinstance(action, spaces.Box) and np.issubdtype(action.dtype, np.floating)
    if not (is_discrete or is_float_box):
        raise UsageError(f"{env_id} has actions {action}, not supported", hint=_SUPPORTED, key="env_id")
    _check_size(env_id, "observations", obs, flatdim(obs))
    _check_size(env_id, "actions", action, _num_actions(action))


def _num_actions(space: spaces.Space[Any]) -> int:
    return int(space.n) if isinstance(space, spaces.Discrete) else math.prod(space.shape or ())


def _check_size(env_id: str, what: str, space: spaces.Space[Any], size: int) -> None:
    if not 1 <= size <= MAX_NUMBERS:
        raise UsageError(
            f"{env_id} has {what} {space} of {size:,} numbers, not supported",
            hint=f"supported: 1 to {MAX_NUMBERS:,}; a Discrete observation becomes as many as it has values, "
            "so a large one should be a Box of one number",
            key="env_id",
        )


def _image_in(space: spaces.Space[Any]) -> spaces.Box | None:
    """The image that observations are or hold: three dimensions or more, or two of bytes."""
    if isinstance(space, spaces.Dict | spaces.Tuple):
        parts = space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces
        return next((image for image in map(_image_in, parts) if image is not None), None)
    if not isinstance(space, spaces.Box):
        return None
    return space if len(space.shape) > 2 - (space.dtype == np.uint8) else None


def _is_flat(space: spaces.Space[Any]) -> bool:
    return isinstance(space, spaces.Box) and len(space.shape) == 1


def _missing(env_id: str, error: Exception) -> UsageError:
    text = str(error)
    for word, name, package in (("pygame", "pygame", "pygame-ce"), ("box2d", "Box2D", "box2d")):
        if text.lower().startswith(word) or f"no module named '{word}" in text.lower():
            return UsageError(
                f"{env_id} needs {name}, which is not installed",
                hint=f"pip install {package}; `ppo doctor` checks the installation",
                key="env_id",
            )
    return UsageError(f"{env_id} cannot be made: {text}", hint="install what it needs", key="env_id")


def _wrong_kwargs(
    env_id: str, spec: GymSpec, env_kwargs: Mapping[str, Any], error: BaseException
) -> UsageError:
    given = ", ".join(f"{name}={value!r}" for name, value in env_kwargs.items())
    return UsageError(
        f"env_kwargs: {env_id} refuses {given}: {type(error).__name__}: {first_line(error)}",
        hint=f"{env_id} takes: {', '.join(_accepted(spec)) or 'no arguments'}",
        key="env_kwargs",
    )


def _accepted(spec: GymSpec) -> list[str]:
    if spec.entry_point is None:
        return []
    try:
        creator = spec.entry_point if callable(spec.entry_point) else load_env_creator(spec.entry_point)
        parameters = inspect.signature(creator).parameters
    except Exception:  # a wrong entry point, or a constructor without a signature
        return []
    names = [name for name in parameters if name not in _OWN_KWARGS]
    return [*names, "max_episode_steps"]
