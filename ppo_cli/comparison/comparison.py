"""Groups of runs against each other: the whole comparison, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppo_cli.comparison.config_diff import config_diff
from ppo_cli.comparison.effects import Effect, effects
from ppo_cli.comparison.group_result import GroupResult, common_span, group_result
from ppo_cli.comparison.groups import Group
from ppo_cli.comparison.logged import RETURN, TRAINING_RETURN
from ppo_cli.comparison.mixing import refuse_mixed, warnings_of
from ppo_cli.comparison.overall import overall_verdict
from ppo_cli.comparison.pairs import PairResult, compare_pairs
from ppo_cli.comparison.scores import RunScores, read_scores
from ppo_cli.config.identity import result_key
from ppo_cli.diagnosis.diagnose import diagnose_run
from ppo_cli.diagnosis.logs import Finding
from ppo_cli.errors import UsageError

__all__ = ["Comparison", "GroupResult", "PairResult", "compare_groups", "is_higher_better", "to_json"]

_TRUE_RETURNS = frozenset({RETURN, TRAINING_RETURN, "eval/episode_return", "eval/mean", "r"})
_BETTER_HIGH = _TRUE_RETURNS | {"eval/min", "eval/max", "rollout/shaped_return", "shaped_return"}


@dataclass(frozen=True)
class Comparison:
    """Groups of runs against each other.

    Attributes:
        env_id: Their environment.
        metric: What they are compared by.
        higher_is_better: Whether more of it is better; otherwise a verdict says higher and lower.
        groups: What each came to.
        pairs: Each against each.
        verdict: All of it in words, one paragraph.
        config_diff: The settings in which they differ, each with its value by group.
        warnings: What a reader should know.
        findings: What is wrong with each run, by its folder, as far as its logs tell.
        effects: What the settings in which the groups differ do, where that can be told.
        threshold: The value that counts as solved, or None.
        until: Steps up to which the areas under the curves are taken: the end of the shortest one.
    """

    env_id: str
    metric: str
    higher_is_better: bool
    groups: tuple[GroupResult, ...]
    pairs: tuple[PairResult, ...]
    verdict: str
    config_diff: Mapping[str, Mapping[str, str]]
    warnings: tuple[str, ...]
    findings: Mapping[Path, tuple[Finding, ...]]
    effects: tuple[Effect, ...]
    threshold: float | None
    until: float


def compare_groups(
    groups: Sequence[Group], *, metric: str = RETURN, threshold: float | None = None
) -> Comparison:
    """Compare groups of runs; seeds are the unit of replication.

    Args:
        groups: One or more.
        metric: As of :func:`~ppo_cli.comparison.scores.read_scores`.
        threshold: What counts as solved; None takes Gymnasium's mark for the environment, for true returns.

    Raises:
        UsageError: There is no group, they must not be mixed, or a run has not logged the metric.
        CorruptFileError: A file is damaged.
    """
    if not groups:
        raise UsageError("no group of runs", hint="name runs, sweeps or globs of runs")
    notes = [note for group in groups for note in group.notes]
    scores: dict[str, list[RunScores]] = {}
    for group in groups:
        scores[group.name], repetitions = _once([read_scores(run, metric) for run in group.runs])
        notes += [f"{group.name}: {text}" for text in repetitions]
    refuse_mixed(scores, metric)
    all_scores = [score for own in scores.values() for score in own]
    env_id = all_scores[0].env_id
    if threshold is None and metric in _TRUE_RETURNS:
        from ppo_cli.envs.registry import solved_at  # Gymnasium, which no other comparison needs

        threshold = solved_at(env_id)
    since, until = common_span(all_scores)
    results = tuple(
        group_result(name, own, threshold=threshold, since=since, until=until) for name, own in scores.items()
    )
    values = {result.name: result.values for result in results}
    findings = {score.run.path: tuple(diagnose_run(score.run, score.config)) for score in all_scores}
    differing = config_diff(results)
    comparative = "better" if is_higher_better(metric) else "higher"
    pairs = compare_pairs(values, comparative)
    return Comparison(
        env_id=env_id,
        metric=metric,
        higher_is_better=is_higher_better(metric),
        groups=results,
        pairs=pairs,
        verdict=overall_verdict(values, pairs, comparative),
        config_diff=differing,
        warnings=(*notes, *warnings_of(results, metric, until, pairs, findings)),
        findings=findings,
        effects=tuple(_effects(results, differing)),
        threshold=threshold,
        until=until,
    )


def _effects(groups: Sequence[GroupResult], differing: Mapping[str, Mapping[str, str]]) -> list[Effect]:
    """What the settings in which groups differ do to what their runs came to."""
    settings = {
        path: [values[group.name] for group in groups for _ in group.values]
        for path, values in differing.items()
    }
    return effects(settings, [value for group in groups for value in group.values])


def is_higher_better(metric: str) -> bool:
    """Tell whether more of a metric is better: of returns it is; of a loss or a time nobody knows."""
    return metric in _BETTER_HIGH


def to_json(comparison: Comparison) -> dict[str, Any]:
    """The document of ``ppo compare --json``."""
    return {
        "env_id": comparison.env_id,
        "metric": comparison.metric,
        "higher_is_better": comparison.higher_is_better,
        "threshold": comparison.threshold,
        "until": comparison.until,
        "groups": [_group_json(group, comparison.findings) for group in comparison.groups],
        "comparisons": [_pair_json(pair) for pair in comparison.pairs],
        "verdict": comparison.verdict,
        "effects": [effect.to_json() for effect in comparison.effects],
        "config_diff": {path: dict(values) for path, values in comparison.config_diff.items()},
        "warnings": list(comparison.warnings),
    }


def _group_json(group: GroupResult, findings: Mapping[Path, Sequence[Finding]]) -> dict[str, Any]:
    names = (
        "name",
        "n_seeds",
        "mean",
        "ci95",
        "iqm",
        "iqm_ci95",
        "values",
        "steps_to_threshold",
        "n_reached",
    )
    document = {name: getattr(group, name) for name in (*names, "auc", "wall_time", "failed")}
    return {**document, "runs": [_run_json(score, findings[score.run.path]) for score in group.scores]}


def _run_json(score: RunScores, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "run_dir": str(score.run.path),
        "env_id": score.env_id,
        "algorithm": score.config.algorithm,
        "seed": score.seed,
        "status": score.status,
        "reason": score.reason,
        "score": score.score,
        "global_step": score.steps,
        "wall_time": score.wall_time,
        "steps_per_second": score.steps_per_second,
        "diagnosis": [finding.to_json() for finding in findings],
    }


def _pair_json(pair: PairResult) -> dict[str, Any]:
    names = ("a", "b", "difference", "ci95", "probability_of_improvement", "poi_ci95", "p_value")
    more = ("p_uncorrected", "permutation_p", "permutation_p_uncorrected", "more_seeds", "verdict")
    return {name: getattr(pair, name) for name in names + more}


def _once(scores: Sequence[RunScores]) -> tuple[list[RunScores], list[str]]:
    """Runs without repetitions: the same settings and seed give the same bits, which are no second seed."""
    kept: dict[str, RunScores] = {}
    repeated = []
    for score in sorted(scores, key=lambda score: not score.counts):
        first = kept.setdefault(result_key(score.config), score)
        if first is not score:
            repeated.append(f"{score.run.name} repeats {first.run.name}: one seed, counted once")
    return [score for score in scores if any(score is each for each in kept.values())], repeated
