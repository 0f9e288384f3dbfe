"""What a diagnosis looks at: a run's settings and what it has logged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.config.schema import RunConfig
from ppo_cli.runs.logs import read_columns
from ppo_cli.runs.reading import read_config, read_summary
from ppo_cli.runs.run_dir import RunDir

Array = NDArray[np.float64]

PARTS = 20
"""Points of a smoothed curve."""


@dataclass(frozen=True)
class Finding:
    """An illness of a run.

    Attributes:
        name: Its name, for programs.
        sentence: What is wrong, for people.
        evidence: The numbers that say so.
        remedy: What to try.
    """

    name: str
    sentence: str
    evidence: str
    remedy: str

    @property
    def message(self) -> str:
        """All of it in a line."""
        return f"{self.sentence} {self.evidence}. Try {self.remedy}."

    def to_json(self) -> dict[str, str]:
        """The finding as a document."""
        return {"name": self.name, "sentence": self.sentence, "evidence": self.evidence, "try": self.remedy}


@dataclass(frozen=True)
class RunLogs:
    """A run as it was logged.

    Attributes:
        config: Its settings.
        metrics: The columns of ``metrics.csv``, one entry per iteration, [I].
        evaluations: The columns of ``eval.csv``.
        final: The final evaluation's document; empty before it.
    """

    config: RunConfig
    metrics: Mapping[str, Array]
    evaluations: Mapping[str, Array] = field(default_factory=dict)
    final: Mapping[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> Array:
        """A column of metrics, [I]; NaN throughout where it is not logged."""
        own = self.metrics.get(name)
        return np.full(self.iterations, math.nan) if own is None else own

    @property
    def iterations(self) -> int:
        """I, iterations done."""
        return max((len(values) for values in self.metrics.values()), default=0)

    @property
    def share(self) -> float:
        """How much of the planned training is done, 0 to 1."""
        return self.iterations / max(1, self.config.num_iterations)

    @property
    def is_complete(self) -> bool:
        """Whether all planned iterations are done."""
        return self.iterations >= self.config.num_iterations


def read_logs(run: RunDir, config: RunConfig | None = None) -> RunLogs:
    """Read what a run has logged so far.

    Args:
        run: Its folder.
        config: Its settings, where they are at hand: reading them takes most of the time.

    Raises:
        CorruptFileError: A file of it is damaged.
    """
    summary = read_summary(run) or {}
    final = summary.get("eval")
    return RunLogs(
        read_config(run) if config is None else config,
        _arrays(read_columns(run.metrics_path)),
        _arrays(read_columns(run.eval_path)),
        final if isinstance(final, Mapping) else {},
    )


def _arrays(columns: Mapping[str, list[float]]) -> dict[str, Array]:
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}


def there(values: Array) -> Array:
    """The values that are finite, in their order."""
    finite: Array = values[np.isfinite(values)]
    return finite


def middle(values: Array) -> float:
    """Compute the median of what is there; NaN of nothing."""
    finite = there(values)
    return float(np.median(finite)) if len(finite) else math.nan


def smooth(values: Array) -> Array:
    """Compute the means of ``PARTS`` equal parts of what is there, in order; empty where there is too little.

    Args:
        values: [I].
    """
    finite = there(values)
    if len(finite) < PARTS:
        return np.empty(0)
    return np.array([part.mean() for part in np.array_split(finite, PARTS)])


def chance(values: Array) -> float:
    """How far two points of a smoothed curve easily differ by chance alone: four standard errors.

    What a value has of chance is told by neighbours, between which there is next to no trend.

    Args:
        values: The curve before smoothing, [I].
    """
    finite = there(values)
    if len(finite) < PARTS:
        return math.nan
    deviation = float(np.std(np.diff(finite))) / math.sqrt(2)
    return 4 * deviation * math.sqrt(2 * PARTS / len(finite))


def is_at_its_best(logs: RunLogs) -> bool:
    """Whether returns rose and have stayed up in the second half of what is done.

    Where all episodes pay the same because all are as good as they can be, nothing is learned from them, and
    the policy stands still: nothing is wrong with that.
    """
    returns = logs.column("rollout/episode_return")
    means = smooth(returns)
    if not len(means) or np.ptp(means) < chance(returns):
        return False
    return bool(means[PARTS // 2 :].min() > means.min() + 0.75 * np.ptp(means))


def text(value: float) -> str:
    """A number in three digits.

    >>> text(1234567.0), text(0.01234), text(-378.2)
    ('1.23e+06', '0.0123', '-378')
    """
    return f"{value:.3g}"
