"""The plan of a sweep: what will be trained, in which populations, and what that will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppo_cli.sweeps.choose.next_points import num_points_known
from ppo_cli.sweeps.plan.estimate import Estimate
from ppo_cli.sweeps.plan.populations import JobRuns
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec


@dataclass(frozen=True)
class Plan:
    """The runs that a sweep will train, and the estimate of what that takes.

    Attributes:
        spec: The sweep; for a dry run with all its points, as far as these are known or can be guessed.
        populations: The runs that are trained together.
        estimate: What that will take.
        sweep_dir: The sweep's folder.
        notices: What the user should know.
    """

    spec: SweepSpec
    populations: Sequence[JobRuns]
    estimate: Estimate
    sweep_dir: Path
    notices: Sequence[str] = ()

    @property
    def sizes(self) -> list[int]:
        """Runs of each population."""
        return [len(population) for population in self.populations]

    def to_json(self) -> dict[str, Any]:
        """The plan's document, as ``ppo sweep --dry-run --json`` prints it."""
        return {
            "sweep_dir": str(self.sweep_dir),
            "points": [point.to_json() for point in self.spec.points()[: num_points_known(self.spec)]],
            "num_runs": sum(self.sizes),
            "populations": self.sizes,
            "seeds": list(self.spec.seeds),
            "total_timesteps": self.estimate.steps,
            "seconds": self.estimate.seconds,
            "disk_bytes": self.estimate.disk,
            "memory_bytes": self.estimate.memory,
            "notices": list(self.notices),
        }
