"""The verdict on several groups together: who is better, who cannot be told apart, what would settle it."""

from __future__ import annotations

import math
from pathlib import Path

from helpers.comparisons import HIGH, LOW, MIDDLE, compare, compare_scores
from helpers.run_folders import STEPS, make_group, make_run, make_sweep


def test_two_groups_get_one_sentence_with_figures(runs_dir: Path) -> None:
    comparison = compare_scores(runs_dir, high=HIGH, low=LOW)
    assert comparison.verdict == "high is better than low: +100 [89, 111], p < 0.001, 5 seeds each."


def test_three_groups_get_a_paragraph_with_what_differs_and_what_does_not(runs_dir: Path) -> None:
    make_sweep(runs_dir, "swept", {"eps_clip=0.2": HIGH, "eps_clip=0.3": LOW, "eps_clip=0.4": MIDDLE})
    verdict = compare(runs_dir, "swept").verdict
    assert verdict.startswith("eps_clip=0.2 is better than 0.3 (+100 [89, 111], p < 0.001) and 0.4 (+97 [")
    assert "; 0.3 and 0.4 cannot be told apart (about " in verdict
    end = "of this size). 5 seeds each, Welch's t test (corrected for 3 comparisons)."
    assert verdict.endswith(f"more seeds each would settle a difference {end}")


def test_groups_of_which_none_differs_are_told_what_would_settle_the_clearest_pair(runs_dir: Path) -> None:
    verdict = compare_scores(runs_dir, a=LOW, b=MIDDLE, c=[value + 1 for value in LOW]).verdict
    assert verdict.startswith("a, b and c cannot be told apart (about ")
    assert "each would settle the clearest pair, a and b" in verdict


def test_of_one_seed_each_nothing_can_be_said(runs_dir: Path) -> None:
    comparison = compare_scores(runs_dir, a=[100.0], b=[500.0])
    assert comparison.verdict.startswith("Nothing can be said: one seed each")
    assert "better" not in comparison.verdict.partition("Train more seeds")[0]
    (pair,) = comparison.pairs
    assert math.isnan(pair.p_value) and math.isnan(pair.permutation_p)
    assert pair.verdict.startswith("between a-s1 and b-s1 nothing can be said")


def test_one_group_has_numbers_and_nothing_to_be_compared_with(runs_dir: Path) -> None:
    comparison = compare_scores(runs_dir, a=LOW)
    assert comparison.groups[0].mean == 200.0 and comparison.pairs == ()
    assert comparison.verdict == "a is the only group: there is nothing to compare it with."


def test_groups_without_a_run_that_finished_say_so(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", LOW[:2], status="interrupted")
    verdict = compare(runs_dir, "a", "b").verdict
    assert verdict.startswith("Nothing can be said: b has no seed that finished.")


def test_a_group_that_cannot_be_tested_is_named_in_the_verdict_on_the_others(runs_dir: Path) -> None:
    comparison = compare_scores(runs_dir, high=HIGH, low=LOW, lone=[250.0])
    assert comparison.verdict.endswith("5 seeds each. Nothing can be said about lone-s1 (one seed).")


def test_a_metric_that_nobody_knows_to_be_better_is_called_higher(runs_dir: Path) -> None:
    for name, losses in (("a", (5.0, 5.1, 4.9)), ("b", (1.0, 1.1, 0.9))):
        for seed, loss in enumerate(losses, 1):
            make_run(runs_dir, f"{name}-s{seed}", columns={"train/value_loss": [loss] * len(STEPS)})
    comparison = compare(runs_dir, "a", "b", metric="train/value_loss")
    assert not comparison.higher_is_better
    assert comparison.verdict.startswith("a is higher than b: +4.0")
    assert "better" not in comparison.verdict
