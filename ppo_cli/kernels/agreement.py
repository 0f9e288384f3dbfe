"""Whether the compiled environments are Gymnasium's here, to the bit: tried before one takes another's place.

They are where sin, cos and pow are those that NumPy calls, and where Gymnasium is of a version whose
equations are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module, metadata
from typing import Any

import numpy as np

from ppo_cli.kernels.environments import CompiledEnvironments, Kind, compiled_kind
from ppo_cli.kernels.library import Library
from ppo_cli.kernels.verdicts import remembered

_STEPS = 60


def compiled_environments(
    library: Library, entry_point: Any, arguments: Mapping[str, Any], num_rows: int, step_limit: int | None
) -> CompiledEnvironments | str:
    """Compiled environments in the place of Gymnasium's, or why there are none, in words.

    Args:
        library: From :func:`ppo_cli.kernels.library.available`.
        entry_point: With which Gymnasium registers the environment.
        arguments: Of its constructor, without time limit and render mode.
        num_rows: How many.
        step_limit: Steps after which an episode is truncated; None for never.
    """
    found = compiled_kind(entry_point, arguments)
    if isinstance(found, str):
        return found
    kind, argument = found
    wrong = disagreement(library, entry_point)
    if wrong:
        return wrong
    return CompiledEnvironments(library.functions, kind, num_rows, argument, step_limit or 0)


def disagreement(library: Library, entry_point: str) -> str:
    """What a compiled environment does differently from Gymnasium's, or nothing; tried once on a machine.

    Args:
        library: The library of kernels.
        entry_point: One of :data:`ppo_cli.kernels.environments.KINDS`.
    """
    found = compiled_kind(entry_point, {})
    if isinstance(found, str):
        return found
    key = f"{library.key}: {entry_point} of gymnasium {metadata.version('gymnasium')}"
    return remembered(key, lambda: _compare(library, entry_point, found[0]))


def _compare(library: Library, entry_point: str, kind: Kind) -> str:
    """Play both side by side, with resets that have a seed and resets that have none."""
    module, name = entry_point.split(":")
    theirs = getattr(import_module(module), name)()
    ours = CompiledEnvironments(library.functions, kind, 1)
    choices = np.random.default_rng(0)
    obs, always = np.zeros((1, kind.obs_size), np.float32), np.ones(1, np.bool_)
    for seed in (0, None, 2**40):
        first, _ = theirs.reset(seed=seed)
        ours.reset([0], None if seed is None else [seed], obs)
        if not np.array_equal(first, obs[0]):
            return f"{kind.name} starts differently from Gymnasium's on this machine"
        for step in range(_STEPS):
            action = _action(kind, choices)
            wanted = theirs.step(int(action[0]) if kind.num_actions else action[0])
            rewards, terminated, _ = ours.step(action, always, obs)
            if not np.array_equal(wanted[0], obs[0]) or (rewards[0], terminated[0]) != (wanted[1], wanted[2]):
                return f"{kind.name} differs from Gymnasium's on this machine after {step + 1} steps"
            if terminated[0]:
                break
    return ""


def _action(kind: Kind, choices: np.random.Generator) -> np.ndarray[Any, Any]:
    """A random one, int64 [1] or float32 [1, 1]; some of the latter beyond their bounds."""
    if kind.num_actions is None:
        return choices.uniform(-2.5, 2.5, (1, 1)).astype(np.float32)
    return choices.integers(kind.num_actions, size=1)
