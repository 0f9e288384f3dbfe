"""Trying what only a made environment or an opened policy can tell, before any run of a sweep starts."""

from __future__ import annotations

import json
from pathlib import Path

from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError
from ppo_cli.sweeps.spec.points import Point
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec

MOST = 100
"""Different environments that are tried; a sweep rarely has more than a few."""


def try_environments(spec: SweepSpec, runs_dir: Path) -> None:
    """Make each of a sweep's environments once, with all that its points name.

    Args:
        spec: The sweep.
        runs_dir: Where the runs and preference sets are that are named.

    Raises:
        UsageError: The environment, its arguments, the shaping or the reference cannot be had; the message
            names the point.
        CorruptFileError: The reference is damaged.
    """
    from ppo_cli.prepare.try_environment import try_environment, try_what_is_named

    points = spec.points() or (spec.default_point,)
    different: dict[str, tuple[Point | None, RunConfig]] = {}
    for point in points:
        config = spec.base if point is None else spec.config(point, spec.base.seed)
        different.setdefault(_what_is_made(config), (point, config))
    for point, config in list(different.values())[:MOST]:
        try:
            try_what_is_named(config, try_environment(config), runs_dir)
        except UsageError as error:
            if point is None:
                raise
            message = f"at {point.text}: {error.message}"
            raise UsageError(message, hint=error.hint, key=error.key, file=error.file) from error


def _what_is_made(config: RunConfig) -> str:
    shaping = config.reward_shaping
    made = (config.env_id, dict(config.env_kwargs), shaping.mode, shaping.terms, sorted(shaping.weights()))
    held_to = (config.facts.reference_path(config.learning), config.network.policy, config.network.squash)
    return json.dumps((made, held_to, config.learning.reward_model), sort_keys=True)
