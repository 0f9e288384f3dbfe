"""Check that the groups of a comparison are alike: refuse some differences, warn of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ppo_cli.comparison.config_diff import mixed_settings
from ppo_cli.comparison.group_result import GroupResult
from ppo_cli.comparison.logged import RETURN, TRAINING_RETURN
from ppo_cli.comparison.pairs import PairResult
from ppo_cli.comparison.phrases import listed
from ppo_cli.comparison.scores import RunScores
from ppo_cli.comparison.verdict import ALPHA
from ppo_cli.config.choices import NULLS
from ppo_cli.config.identity import result_key
from ppo_cli.config.schema import RunConfig
from ppo_cli.diagnosis.diagnose import of_group
from ppo_cli.diagnosis.logs import Finding
from ppo_cli.errors import UsageError
from ppo_cli.runs.eval_stats import mean_interval
from ppo_cli.runs.payable import why_cut

_SHAPED = ("rollout/shaped_return", "shaped_return")
_SCALED_BY_REWARD = ("train/value_loss",)
_PACKAGES = ("ppo-cli", "gymnasium", "torch", "numpy", "Box2D")
_LOST = ("diverged", "failed")


def refuse_mixed(groups: Mapping[str, Sequence[RunScores]], metric: str) -> None:
    """Refuse groups whose numbers cannot be compared.

    Args:
        groups: The runs of each group, by its name.
        metric: The metric that is compared.

    Raises:
        UsageError: The environments differ, or the metric is a shaped return and the shapings differ.
    """
    envs = _by_value(groups, lambda score: score.env_id)
    if len(envs) > 1:
        (env, group), (other_env, other) = list(envs.items())[:2]
        raise UsageError(
            f"{group} is of {env}, {other} of {other_env}: "
            "returns of different environments cannot be compared",
            hint="compare runs of one environment at a time",
            key="env_id",
        )
    if metric in _SHAPED and len(shapings := _by_value(groups, lambda score: _shaping(score.config))) > 1:
        group, other = list(shapings.values())[:2]
        raise UsageError(
            f"{metric} is by the shaped reward, and {group} and {other} are shaped differently"
            if group != other
            else f"{metric} is by the shaped reward, and the runs of {group} are shaped differently",
            hint=f"the true return compares them: --metric {RETURN}, or {TRAINING_RETURN}",
            key="metric",
        )


def warnings_of(
    groups: Sequence[GroupResult],
    metric: str,
    until: float,
    pairs: Sequence[PairResult],
    findings: Mapping[Path, Sequence[Finding]],
) -> list[str]:
    """Write the warnings of a comparison, each a sentence.

    Args:
        groups: What is compared.
        metric: By what.
        until: Steps up to which the areas under the curves are taken.
        pairs: Each against each.
        findings: What is wrong with each run, by its folder.
    """
    counted = {group.name: group.counted for group in groups}
    all_runs = {group.name: group.scores for group in groups}
    return [
        *(warning for group in groups for warning in _group_warnings(group)),
        *(text for group in groups for text in of_group(group.name, _found(group, findings))),
        *_without_nulls(all_runs),
        *_same_runs(counted),
        *_different_env_kwargs(all_runs),
        *_different_evaluation(counted, metric),
        *_different_lengths(counted, until),
        *_different_curves(counted),
        *_different_scales(counted, metric),
        *_different_versions(counted),
        *_tests_disagree(pairs),
    ]


def _group_warnings(group: GroupResult) -> list[str]:
    """Warn of runs that are left out of a group, and of settings that it mixes."""
    warnings = []
    left_out = [score for score in group.scores if not score.counts]
    if left_out:
        reasons = listed([f"{score.run.name} ({score.reason})" for score in left_out])
        warnings.append(f"{group.name}: {len(left_out)} of {len(group.scores)} runs left out: {reasons}")
    if group.values and any(score.status in _LOST for score in left_out):
        warnings.append(f"{group.name}: its numbers are those of the seeds that survived, which flatters it")
    if why := why_cut(mean_interval(group.values), group.ci95, group.n_seeds):
        warnings.append(f"{group.name}: its {why}")
    mixed = mixed_settings(group)
    if mixed:
        settings = listed([f"{path} is {values}" for path, values in mixed.items()])
        warnings.append(f"{group.name} mixes settings, so its spread is not that of seeds alone: {settings}")
    return warnings


def _found(group: GroupResult, findings: Mapping[Path, Sequence[Finding]]) -> list[Sequence[Finding]]:
    return [findings[score.run.path] for score in group.scores]


def _without_nulls(groups: Mapping[str, Sequence[RunScores]]) -> list[str]:
    """Groups that learned from a reward model, where no null says what training does without one."""
    models = {name: {score.config.learning.reward_model for score in own} for name, own in groups.items()}
    learned = [name for name, own in models.items() if own - {None, *NULLS}]
    missing = [null for null in NULLS if not any(null in own for own in models.values())]
    if not learned or not missing:
        return []
    lacks = " and ".join(f"reward_model={null}" for null in missing)
    return [
        f"{name} learned from a reward model and stands here without the null {lacks}: how much of it is "
        "preferences cannot be told; add such runs with --null"
        for name in learned
    ]


def _same_runs(groups: Mapping[str, Sequence[RunScores]]) -> list[str]:
    """Warn of groups that share runs: equal in settings, seed and result."""
    owners: dict[tuple[object, ...], str] = {}
    shared: Counter[tuple[str, str]] = Counter()
    for name, scores in groups.items():
        for score in scores:
            owner = owners.setdefault((result_key(score.config), score.score), name)
            shared[owner, name] += owner != name
    return [
        f"{first} and {second} have {number} of their runs in common: same settings, seed and result"
        for (first, second), number in shared.items()
        if number
    ]


def _different_env_kwargs(groups: Mapping[str, Sequence[RunScores]]) -> list[str]:
    kinds = _by_value(groups, lambda score: repr(sorted(score.config.env_kwargs.items())))
    if len(kinds) < 2:
        return []
    return ["the environments have different env_kwargs: a return in one may be worth more than in another"]


def _different_evaluation(groups: Mapping[str, Sequence[RunScores]], metric: str) -> list[str]:
    warnings = []
    if metric == RETURN:
        warnings += _difference(groups, "final evaluations are of", _final_episodes)
        warnings += _difference(groups, "final evaluations took", _actions)
    if metric.startswith("eval/"):
        warnings += _difference(groups, "evaluations during training were", _evaluations)
    return warnings


def _different_lengths(groups: Mapping[str, Sequence[RunScores]], until: float) -> list[str]:
    texts = _difference(groups, "runs trained for", lambda score: f"{score.config.total_timesteps:,} steps")
    return [
        f"{text}; areas under the curves end at {until:,.0f}, scores are those at each run's end"
        for text in texts
    ]


def _different_curves(groups: Mapping[str, Sequence[RunScores]]) -> list[str]:
    """Warn of runs whose curves are those of training episodes, because they made no evaluations."""
    instead = []
    for name, scores in groups.items():
        without = sum(score.curve_metric != score.metric for score in scores)
        if without:
            instead.append(name if without == len(scores) else f"{without} of {len(scores)} runs of {name}")
    if not instead:
        return []
    return [
        f"{listed(instead)}: no evaluations during training, so their curves, steps to the threshold and "
        f"areas are those of {TRAINING_RETURN}"
    ]


def _different_scales(groups: Mapping[str, Sequence[RunScores]], metric: str) -> list[str]:
    scales = _by_value(groups, lambda score: f"{_shaping(score.config)} {score.config.learning.reward_scale}")
    if metric not in _SCALED_BY_REWARD or len(scales) < 2:
        return []
    return [f"{metric} grows with the reward that the learner sees, and that differs"]


def _different_versions(groups: Mapping[str, Sequence[RunScores]]) -> list[str]:
    warnings = []
    for package in _PACKAGES:

        def version(score: RunScores, package: str = package) -> str:
            return score.versions.get(package, "unknown")

        warnings += _difference(groups, f"runs were made with {package}", version)
    return warnings


def _tests_disagree(pairs: Sequence[PairResult]) -> list[str]:
    """Warn of pairs that only Welch's test calls different: it assumes normally distributed returns."""
    doubted = [pair for pair in pairs if pair.differs and pair.permutation_p_uncorrected > ALPHA]
    if not doubted:
        return []
    named = listed([f"{pair.a} and {pair.b}" for pair in doubted])
    return [
        f"{named} differ by Welch's test, but not by the permutation test (p = "
        f"{max(pair.permutation_p_uncorrected for pair in doubted):.2f}): more seeds would make sure"
    ]


def _difference(
    groups: Mapping[str, Sequence[RunScores]], what: str, value: Callable[[RunScores], str]
) -> list[str]:
    """Write a sentence on a value in which runs differ; none where they agree."""
    kinds = _by_value(groups, value)
    if len(kinds) < 2:
        return []
    return [f"{what} {listed([f'{kind} ({name})' for kind, name in kinds.items()])}"]


def _by_value(groups: Mapping[str, Sequence[RunScores]], value: Callable[[RunScores], str]) -> dict[str, str]:
    """Collect the values that runs have, each with the first group that has it."""
    first_group: dict[str, str] = {}
    for name, scores in groups.items():
        for score in scores:
            first_group.setdefault(value(score), name)
    return first_group


def _shaping(config: RunConfig) -> str:
    """Describe all that a shaped return depends on."""
    shaping = config.reward_shaping
    if not shaping.pays:
        return "off"  # what the learner sees is the true reward
    gamma = config.learning.gamma if shaping.mode == "potential" else None
    return repr((shaping.model_dump(), gamma))


def _final_episodes(score: RunScores) -> str:
    return f"{score.eval_episodes} episodes"


def _evaluations(score: RunScores) -> str:
    evaluation = score.config.evaluation
    return f"{evaluation.num_evals} of {evaluation.eval_episodes} episodes"


def _actions(score: RunScores) -> str:
    if score.deterministic is None:
        return "unknown actions"
    return "the most likely actions" if score.deterministic else "random actions"
