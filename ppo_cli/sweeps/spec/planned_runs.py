"""The runs of a sweep before they exist: every point with every seed."""

from __future__ import annotations

from dataclasses import dataclass

from ppo_cli.config.schema import RunConfig
from ppo_cli.sweeps.spec.points import Point
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec


@dataclass(frozen=True)
class PlannedRun:
    """A point trained with a seed.

    Attributes:
        point: The point.
        seed: The seed.
        config: The settings that follow from both.
    """

    point: Point
    seed: int
    config: RunConfig

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.point.label}-s{self.seed}"


def planned_runs(spec: SweepSpec) -> list[PlannedRun]:
    """All runs of a sweep, as far as its points are known.

    Raises:
        UsageError: The settings of a point do not go together.
    """
    return [
        PlannedRun(point, seed, spec.config(point, seed)) for point in spec.points() for seed in spec.seeds
    ]
