"""The tables of a comparison as columns of texts: for a terminal and for Markdown alike."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence

from ppo_cli.comparison.comparison import Comparison, GroupResult, PairResult
from ppo_cli.comparison.phrases import rounded, short_names
from ppo_cli.report.numbers import MISSING, count, duration, interval, number, short_count

Column = tuple[str, list[str]]  # its header and its texts

_TESTS = {
    "p": "p: Welch's t test",
    "p perm.": "p perm.: permutation test",
    "p alone": "p alone: Welch's without the correction",
}


def group_columns(comparison: Comparison, *, unicode: bool = True) -> list[Column]:
    """One line per group: seeds, mean, IQM, then how fast it learned, and what was left out."""
    groups = comparison.groups
    sign = "±" if unicode else "+/-"
    columns = [
        ("group", [group.name for group in groups]),
        ("seeds", [count(group.n_seeds) for group in groups]),
        ("mean", [interval(group.mean, *group.ci95, sign) for group in groups]),
        ("IQM", [_bracketed(group.iqm, *group.iqm_ci95) for group in groups]),
    ]
    if comparison.threshold is not None:
        header = f"steps to {number(comparison.threshold)}"
        columns.append((header, [_steps_text(group) for group in groups]))
    columns.append(("area", [number(group.auc) for group in groups]))
    columns.append(("time", [duration(group.wall_time) for group in groups]))
    if any(group.failed for group in groups):
        columns.append(("left out", [count(len(group.failed)) for group in groups]))
    return columns


def pair_columns(comparison: Comparison, pairs: Sequence[PairResult]) -> list[Column]:
    """One line per pair: difference, probability of improvement, p values corrected and not."""
    better = "better" if comparison.higher_is_better else "higher"
    columns = [
        ("pair", [_pair_name(pair) for pair in pairs]),
        ("difference", [_difference_text(pair) for pair in pairs]),
        (f"P({better})", [_share_text(pair) for pair in pairs]),
        ("p", [p_text(pair.p_value) for pair in pairs]),
        ("p perm.", [p_text(pair.permutation_p) for pair in pairs]),
    ]
    if len(comparison.pairs) > 1:
        columns.append(("p alone", [p_text(pair.p_uncorrected) for pair in pairs]))
    return columns


def setting_columns(comparison: Comparison) -> list[Column]:
    """One line per setting in which the groups differ, one column per group."""
    diff = comparison.config_diff
    names = [group.name for group in comparison.groups]
    return [
        ("setting", list(diff)),
        *((name, [values.get(name, MISSING) for values in diff.values()]) for name in names),
    ]


def legend_text(comparison: Comparison, columns: Container[str]) -> str:
    """Explain the columns.

    Args:
        comparison: The groups.
        columns: The headers that are shown.
    """
    parts = [
        "mean: with its 95 % interval over seeds",
        "IQM: interquartile mean, bootstrap interval (too narrow with fewer than ten seeds)",
    ]
    if comparison.threshold is not None:
        parts.append("steps: median over seeds, and how many get there")
    parts.append("time: of the whole population that a run was trained in")
    if math.isfinite(comparison.until):
        parts.append(f"area: mean of the curve up to {short_count(comparison.until)} steps")
    parts += [text for name, text in _TESTS.items() if name in columns]
    if len(comparison.pairs) > 1:
        parts.append(
            f"p values are corrected for all {len(comparison.pairs)} pairs (Holm), intervals are not"
        )
    return "; ".join(parts)


def p_text(p: float) -> str:
    """A p value in a cell.

    >>> p_text(0.0004), p_text(0.0234), p_text(0.42), p_text(float("nan"))
    ('<0.001', '0.023', '0.42', '-')
    """
    if math.isnan(p):
        return MISSING
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _pair_name(pair: PairResult) -> str:
    return " vs ".join(short_names([pair.a, pair.b]))


def _difference_text(pair: PairResult) -> str:
    low, high = pair.ci95
    if math.isnan(pair.difference):
        return MISSING
    if math.isnan(low):
        return f"{rounded(pair.difference, abs(pair.difference) / 10, '+')}"
    half = (high - low) / 2
    return f"{rounded(pair.difference, half, '+')} [{rounded(low, half)}, {rounded(high, half)}]"


def _share_text(pair: PairResult) -> str:
    """A probability and its interval."""
    if math.isnan(pair.probability_of_improvement):
        return MISSING
    low, high = pair.poi_ci95
    ends = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return f"{pair.probability_of_improvement:.2f}{ends}"


def _bracketed(value: float, low: float, high: float) -> str:
    """A value and the ends of its interval, as exact as its width makes sense."""
    if math.isnan(low):
        return number(value)
    scale = (high - low) / 2 or abs(value)
    return f"{rounded(value, scale)} [{rounded(low, scale)}, {rounded(high, scale)}]"


def _steps_text(group: GroupResult) -> str:
    return f"{short_count(group.steps_to_threshold)} ({group.n_reached}/{group.n_seeds})"
