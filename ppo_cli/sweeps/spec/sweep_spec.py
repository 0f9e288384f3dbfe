"""``SweepSpec``: base settings, swept settings and seeds, and from there the settings of every run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import BY_PATH
from ppo_cli.config.values import get_value
from ppo_cli.errors import UsageError
from ppo_cli.sweeps.spec.params import Param
from ppo_cli.sweeps.spec.points import Point

Search = Literal["grid", "random", "tpe"]

OWN_BASE = ("env_id", "algorithm", "network.policy")
"""Swept settings of which each value has settings of its own: those tuned for it."""

_OWN_BASE_NAMES = {path.rpartition(".")[2]: path for path in OWN_BASE}


@dataclass(frozen=True)
class SweepSpec:
    """All that a sweep trains.

    Attributes:
        bases: The settings that hold where nothing is swept: one, or one for each combination of the swept
            settings that are in ``OWN_BASE``. Their seed is the first seed.
        env_requested: The environment id that the user typed; of several, with commas between.
        params: The swept settings.
        zipped: Whether their first values make the first point, and so on, instead of every combination.
        num_seeds: Seeds of each point, counting up from the first.
        search: ``grid`` trains every point; ``random`` and ``tpe`` draw them.
        trials: Points that a search draws; None for a grid.
        prune: Whether the worse half of the points is stopped early, again and again.
        confirm: Held-out seeds with which the winner is trained again.
        asked: The points that a search has drawn so far.
    """

    bases: tuple[RunConfig, ...]
    env_requested: str
    params: tuple[Param, ...]
    zipped: bool = False
    num_seeds: int = 5
    search: Search = "grid"
    trials: int | None = None
    prune: bool = False
    confirm: int = 3
    asked: tuple[Point, ...] = ()

    @property
    def base(self) -> RunConfig:
        """The first base."""
        return self.bases[0]

    @property
    def env_ids(self) -> tuple[str, ...]:
        """The environments, each once."""
        return tuple(dict.fromkeys(base.env_id for base in self.bases))

    @property
    def seeds(self) -> range:
        """The seeds of every point."""
        return range(self.base.seed, self.base.seed + self.num_seeds)

    @property
    def num_points(self) -> int:
        """Count the points that there will be in the end, without making them.

        Raises:
            UsageError: A range of a grid has no count.
        """
        if self.search != "grid":
            return self.trials or 0
        lengths = [len(param.grid()) for param in self.params]
        return min(lengths, default=0) if self.zipped else math.prod(lengths)

    def points(self) -> tuple[Point, ...]:
        """The points: of a grid all, in order, the last setting fastest; of a search those drawn so far.

        Raises:
            UsageError: A range of a grid has no count.
        """
        if self.search != "grid":
            return self.asked
        columns = [param.grid() for param in self.params]
        rows = zip(*columns, strict=True) if self.zipped else product(*columns)
        names = [param.name for param in self.params]
        return tuple(Point(tuple(zip(names, row, strict=True))) for row in rows)

    def config(self, point: Point, seed: int) -> RunConfig:
        """The settings of one run.

        Args:
            point: Its point.
            seed: Its seed.

        Raises:
            UsageError: The settings do not go together; the message names the point.
        """
        values = dict(point.values)
        base = self.base_of(values)
        own = {name: value for name, value in values.items() if name not in _OWN_BASE_NAMES}
        try:
            return with_values(base, {**own, "seed": seed})
        except UsageError as error:
            message = error.message.removeprefix("settings: ")
            raise UsageError(f"at {point.text}: {message}", hint=error.hint, key=error.key) from None

    def base_of(self, values: Mapping[str, Any]) -> RunConfig:
        """The base of a point with these values of the swept settings.

        Raises:
            UsageError: There is none: the sweep was extended by an environment, say, without its algorithms.
        """
        swept = {path: values[name] for name, path in _OWN_BASE_NAMES.items() if name in values}
        for base in self.bases:
            if all(get_value(base, path) == value for path, value in swept.items()):
                return base
        of = " and ".join(map(str, swept.values()))
        raise UsageError(
            f"there are no settings for {of} together", hint="give all values of both", key="params"
        )

    def requested(self, env_id: str) -> str:
        """Look up what the user typed for an environment: ``LunarLander-v2`` for ``LunarLander-v3``."""
        return dict(zip(self.env_ids, self.env_requested.split(","), strict=True))[env_id]

    @property
    def default_point(self) -> Point | None:
        """The point that changes nothing: every swept setting as in the base; None when it is not swept.

        Of several bases it is that of the default algorithm and policy, if they are among them.
        """
        base = min(
            self.bases, key=lambda base: [get_value(base, path) != BY_PATH[path].default for path in OWN_BASE]
        )
        values = tuple((param.name, _base_value(base, param.path)) for param in self.params)
        point = Point(values)
        return point if len(self.env_ids) == 1 and point in self.points() else None


def _base_value(base: RunConfig, path: str) -> Any:
    """A base's value of a swept setting; a weight that is not given is 0."""
    value = get_value(base, path)
    return 0.0 if value is None and path.startswith("reward_shaping.custom.") else value
