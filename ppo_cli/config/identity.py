"""Which runs are the same run, and which may be trained together: one definition for all who ask.

A run is its settings, without those that no result depends on. Who asks may leave out more, and says so:

* ``output`` and ``compute`` never count: what else is written, and how the machine is used. The engine does:
  two of them round otherwise.
* ``total_timesteps`` and ``evaluation`` do not count for a run that goes on from a checkpoint: it may become
  longer or be evaluated otherwise, and what it has learned so far is what it was.
* ``seed`` does not count where runs repeat each other: in the groups of a comparison, at a point of a sweep.
  Nor do the swept settings of a sweep count in the question whether two sweeps may share a folder.

Settings that a run's algorithm or policy does not use are at their defaults, so they make no difference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import BY_PATH, SETTINGS
from ppo_cli.config.values import flat_settings

SEED = "seed"
ENGINE = "compute.engine"
_NEVER = ("output", "compute")
_NOT_ON_THE_WAY = ("total_timesteps", "evaluation")


def result_settings(config: RunConfig) -> dict[str, Any]:
    """The settings that a run's results depend on, by path, as JSON holds them (lists for tuples)."""
    return {
        path: list(value) if isinstance(value, tuple) else value
        for path, value in flat_settings(config).items()
        if path == ENGINE or BY_PATH[path].section not in _NEVER
    }


def training_settings(config: RunConfig) -> dict[str, Any]:
    """The settings that a run has to keep while it is going on, by path, as JSON holds them."""
    return {
        path: value
        for path, value in result_settings(config).items()
        if path not in _NOT_ON_THE_WAY and BY_PATH[path].section not in _NOT_ON_THE_WAY
    }


def differing(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The settings of ``wanted`` that are not the same ``there``, each with both values; 1 is not 1.0.

    Args:
        wanted: Settings by path.
        there: Others; one that is missing counts as null.
    """
    pairs = {path: (value, there.get(path)) for path, value in wanted.items()}
    return {path: pair for path, pair in pairs.items() if _text(pair[0]) != _text(pair[1])}


def result_key(config: RunConfig) -> str:
    """A text that is equal for two configs exactly when they are the same run: their results are equal."""
    return _text(result_settings(config))


def static_key(config: RunConfig) -> str:
    """A text that is equal for two configs exactly when they may be members of one population."""
    values = flat_settings(config)
    static = {setting.path: values[setting.path] for setting in SETTINGS if not setting.per_member}
    has = {"learns_reward": config.learns_reward, "has_reference": config.has_reference}
    return _text(static | has)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
