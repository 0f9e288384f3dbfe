"""Shaping terms of the user's own: ``module:function``, checked before training starts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.envs.guard import FAULTS, stepping
from ppo_cli.envs.terms import TermSet, shipped_terms
from ppo_cli.envs.user_code import import_agreed, split_reference
from ppo_cli.errors import UsageError
from ppo_cli.spaces import ActionSpec, EnvSpec

Array = NDArray[Any]
_KEY = "reward_shaping.terms"
_FORMS = (
    "write it as terms(obs) or terms(obs, action, next_obs), returning {name: array}; obs is [..., O], "
    "action [...] or [..., A], each array [...]; terms(obs) gets the observation after the step"
)


def term_set(spec: EnvSpec, reference: str | None) -> TermSet:
    """The terms of an environment: those that ``ppo`` ships, and the user's.

    A user's function of ``obs`` alone gives state terms, which may make a potential.

    Args:
        spec: The environment.
        reference: ``module:function``, or None.

    Raises:
        UsageError: The function cannot be found, has another signature, or returns something else.
    """
    shipped = shipped_terms(spec.env_id, spec.action.kind)
    if reference is None:
        return shipped
    function = _load(reference)
    num_parameters = _num_parameters(reference, function)
    names = _probe(reference, function, num_parameters, spec)
    function = _checked(reference, function, names)
    doubled = sorted(set(names) & set(shipped.names))
    if doubled:
        raise UsageError(
            f"{reference} redefines the shipped term {doubled[0]!r}", hint="choose another name", key=_KEY
        )
    return (
        _with_state(shipped, names, function)
        if num_parameters == 1
        else _with_action(shipped, names, function)
    )


def _with_state(shipped: TermSet, names: tuple[str, ...], function: Callable[..., Any]) -> TermSet:
    return TermSet(
        shipped.state_names + names,
        shipped.action_names,
        lambda obs: {**shipped.state(obs), **function(obs)},
        shipped.transition,
    )


def _with_action(shipped: TermSet, names: tuple[str, ...], function: Callable[..., Any]) -> TermSet:
    return TermSet(
        shipped.state_names,
        shipped.action_names + names,
        shipped.state,
        lambda obs, action, next_obs: {
            **shipped.transition(obs, action, next_obs),
            **function(obs, action, next_obs),
        },
    )


def _load(reference: str) -> Callable[..., Any]:
    module_name, name = split_reference(reference)
    if not module_name or not name:
        raise UsageError(f"{reference!r} is not module:function", hint=_FORMS, key=_KEY)
    function = getattr(import_agreed(reference, key=_KEY), name, None)
    if not callable(function):
        raise UsageError(f"the module {module_name!r} has no function {name!r}", hint=_FORMS, key=_KEY)
    terms_function: Callable[..., Any] = function
    return terms_function


def _num_parameters(reference: str, function: Callable[..., Any]) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [
        p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    for count in (1, 3):
        if len(positional) >= count and len(required) == count:
            return count
    raise UsageError(f"{reference} takes {len(required)} arguments", hint=_FORMS, key=_KEY)


def _probe(
    reference: str, function: Callable[..., Any], num_parameters: int, spec: EnvSpec
) -> tuple[str, ...]:
    """Call the function as training and as the wrapper would, and return the names of its terms."""
    names: tuple[str, ...] = ()
    for leading in ((3,), ()):
        obs = np.zeros((*leading, spec.obs_size))
        arguments = (obs,) if num_parameters == 1 else (obs, _zero_action(spec.action, leading), obs)
        with np.errstate(all="ignore"):
            names = tuple(_called(reference, function, *arguments))
    return names


def _checked(
    reference: str, function: Callable[..., Any], names: tuple[str, ...]
) -> Callable[..., Mapping[str, Array]]:
    """The user's function with its faults told as such: what it did once it may not do at every step."""

    def call(*arguments: Array) -> Mapping[str, Array]:
        values = _called(reference, function, *arguments)
        if values.keys() != set(names):
            raise UsageError(
                f"{reference} gives the terms {', '.join(values)}, and gave {', '.join(names)} before",
                hint="return the same names at every call",
                key=_KEY,
            )
        return values

    return call


def _called(reference: str, function: Callable[..., Any], *arguments: Array) -> Mapping[str, Array]:
    shape = arguments[0].shape
    try:
        with stepping():
            values = function(*arguments)
    except FAULTS as error:  # the user's function may raise anything
        raise UsageError(
            f"{reference} fails for obs of shape {shape}: {type(error).__name__}: {error}",
            hint=_FORMS,
            key=_KEY,
        ) from error
    _check_values(reference, values, shape[:-1])
    checked: Mapping[str, Array] = values
    return checked


def _check_values(reference: str, values: object, shape: tuple[int, ...]) -> None:
    if not isinstance(values, Mapping) or not values:
        raise UsageError(
            f"{reference} returns {type(values).__name__}, not a dict of terms", hint=_FORMS, key=_KEY
        )
    for name, value in values.items():
        if not (isinstance(name, str) and name.isidentifier()):
            raise UsageError(
                f"{reference}: {name!r} is not a name for a term", hint="use letters, digits, _", key=_KEY
            )
        if np.shape(value) != shape:
            raise UsageError(
                f"{reference}: term {name!r} has shape {np.shape(value)} where {shape} is due",
                hint=_FORMS,
                key=_KEY,
            )


def _zero_action(action: ActionSpec, leading: tuple[int, ...]) -> Array:
    if action.kind == "discrete":
        return np.zeros(leading, dtype=np.int64)
    return np.zeros((*leading, action.size), dtype=np.float32)
