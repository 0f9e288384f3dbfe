"""Compare groups of runs, as ``ppo compare`` does."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.comparison.comparison import Comparison, compare_groups, to_json
from ppo_cli.comparison.groups import find_groups
from ppo_cli.errors import UsageError
from ppo_cli.storage.json_file import strict

if TYPE_CHECKING:
    from ppo_cli.api.runs import Ref


def compare(
    *groups: Ref, metric: str = "eval/return", threshold: float | None = None, runs_dir: Ref = "runs"
) -> dict[str, Any]:
    """Compare groups of runs, seeds being what is counted; what ``ppo compare --json`` gives.

    Args:
        *groups: Runs, sweeps, ``SWEEP/POINT``, the beginning of runs of several seeds, globs; or any of them
            after ``NAME=``.
        metric: The final evaluation, or any column that runs log.
        threshold: What counts as solved; None for the environment's mark.
        runs_dir: Where runs are.

    Raises:
        UsageError: A group means nothing, there is but one, or they cannot be compared.
        CorruptFileError: A file is damaged.
    """
    document: dict[str, Any] = strict(
        to_json(comparison_of(groups, metric=metric, threshold=threshold, runs_dir=runs_dir))
    )
    return document


def comparison_of(
    groups: Sequence[Ref], *, metric: str, threshold: float | None, runs_dir: Ref
) -> Comparison:
    """Compare groups as :func:`compare` does; the result is the data of tables and plots."""
    if threshold is not None and not math.isfinite(threshold):
        raise UsageError(f"{threshold} is no threshold", hint="--threshold 200", key="--threshold")
    named = find_groups(Path(runs_dir), [os.fspath(group) for group in groups])
    if len(named) == 1:
        raise UsageError(
            f"one group only: {named[0].name}",
            hint=f"name another to compare it with; `ppo show {named[0].runs[0].name}` shows one run",
        )
    comparison = compare_groups(named, metric=metric, threshold=threshold)
    _check_scores(comparison)
    return comparison


def _check_scores(comparison: Comparison) -> None:
    """Refuse to compare a group whose runs are complete but were never evaluated."""
    for group in comparison.groups:
        complete = [score for score in group.scores if score.status == "completed"]
        if complete and not any(score.counts for score in complete):
            raise UsageError(
                f"{group.name} cannot be compared by {comparison.metric}: {complete[0].run.name}: "
                f"{complete[0].reason}",
                hint="training episodes are compared with --metric rollout/episode_return",
                key="metric",
            )
