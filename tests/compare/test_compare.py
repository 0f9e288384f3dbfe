"""Comparisons of groups: what counts, what is refused, what is warned of, and what the verdict says."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers.run_folders import STEPS, VERSIONS, make_group, make_run, make_sweep

from ppo_cli.compare.comparison import Comparison, compare_groups, to_json
from ppo_cli.compare.groups import find_groups
from ppo_cli.compare.scores import read_scores
from ppo_cli.compare.significance import seeds_to_settle
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.storage.json_file import strict

LOW = (200.0, 205.0, 195.0, 210.0, 190.0)
HIGH = (300.0, 304.0, 296.0, 310.0, 290.0)
MIDDLE = (203.0, 199.0, 212.0, 196.0, 206.0)


def compare(runs_dir: Path, *words: str, **options: Any) -> Comparison:
    return compare_groups(find_groups(runs_dir, words), **options)


def of(runs_dir: Path, **groups: Sequence[float | None]) -> Comparison:
    """Groups made from their scores."""
    for name, scores in groups.items():
        make_group(runs_dir, name, scores)
    return compare(runs_dir, *groups)


def refusal(runs_dir: Path, *words: str, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        compare(runs_dir, *words, **options)
    return f"{caught.value.message} ({caught.value.hint})"


# The verdict


def test_two_groups_get_one_sentence_with_figures(runs_dir: Path) -> None:
    comparison = of(runs_dir, high=HIGH, low=LOW)
    assert comparison.verdict == "high is better than low: +100 [89, 111], p < 0.001, 5 seeds each."


def test_three_groups_get_a_paragraph_with_what_differs_and_what_does_not(runs_dir: Path) -> None:
    make_sweep(runs_dir, "swept", {"eps_clip=0.2": HIGH, "eps_clip=0.3": LOW, "eps_clip=0.4": MIDDLE})
    verdict = compare(runs_dir, "swept").verdict
    assert verdict.startswith("eps_clip=0.2 is better than 0.3 (+100 [89, 111], p < 0.001) and 0.4 (+97 [")
    assert "; 0.3 and 0.4 cannot be told apart (about " in verdict
    end = "of this size). 5 seeds each, Welch's t test (corrected for 3 comparisons)."
    assert verdict.endswith(f"more seeds each would settle a difference {end}")


def test_groups_of_which_none_differs_are_told_what_would_settle_the_clearest_pair(runs_dir: Path) -> None:
    verdict = of(runs_dir, a=LOW, b=MIDDLE, c=[value + 1 for value in LOW]).verdict
    assert verdict.startswith("a, b and c cannot be told apart (about ")
    assert "each would settle the clearest pair, a and b" in verdict


def test_of_one_seed_each_nothing_can_be_said(runs_dir: Path) -> None:
    comparison = of(runs_dir, a=[100.0], b=[500.0])
    assert comparison.verdict.startswith("Nothing can be said: one seed each")
    assert "better" not in comparison.verdict.partition("Train more seeds")[0]
    (pair,) = comparison.pairs
    assert math.isnan(pair.p_value) and math.isnan(pair.permutation_p)
    assert pair.verdict.startswith("between a-s1 and b-s1 nothing can be said")


def test_one_group_has_numbers_and_nothing_to_be_compared_with(runs_dir: Path) -> None:
    comparison = of(runs_dir, a=LOW)
    assert comparison.groups[0].mean == 200.0 and comparison.pairs == ()
    assert comparison.verdict == "a is the only group: there is nothing to compare it with."


def test_groups_without_a_run_that_finished_say_so(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", LOW[:2], status="interrupted")
    verdict = compare(runs_dir, "a", "b").verdict
    assert verdict.startswith("Nothing can be said: b has no seed that finished.")


def test_a_group_that_cannot_be_tested_is_named_in_the_verdict_on_the_others(runs_dir: Path) -> None:
    comparison = of(runs_dir, high=HIGH, low=LOW, lone=[250.0])
    assert comparison.verdict.endswith("5 seeds each. Nothing can be said about lone-s1 (one seed).")


def test_p_values_are_corrected_for_all_pairs(runs_dir: Path) -> None:
    comparison = of(runs_dir, a=LOW, b=MIDDLE, c=HIGH)
    by_name = {(pair.a, pair.b): pair for pair in comparison.pairs}
    clear = by_name["a", "c"]
    assert clear.p_value == pytest.approx(3 * min(pair.p_uncorrected for pair in comparison.pairs), rel=0.5)
    assert clear.permutation_p == pytest.approx(3 * clear.permutation_p_uncorrected)
    assert by_name["a", "b"].p_value == by_name["a", "b"].p_uncorrected
    assert by_name["a", "b"].more_seeds == seeds_to_settle(LOW, MIDDLE, alpha=0.05 / 3)


def test_a_metric_that_nobody_knows_to_be_better_is_called_higher(runs_dir: Path) -> None:
    for name, losses in (("a", (5.0, 5.1, 4.9)), ("b", (1.0, 1.1, 0.9))):
        for seed, loss in enumerate(losses, 1):
            make_run(runs_dir, f"{name}-s{seed}", columns={"train/value_loss": [loss] * len(STEPS)})
    comparison = compare(runs_dir, "a", "b", metric="train/value_loss")
    assert not comparison.higher_is_better
    assert comparison.verdict.startswith("a is higher than b: +4.0")
    assert "better" not in comparison.verdict


# Scores


def test_a_logged_column_is_scored_by_the_last_tenth_of_its_curve(runs_dir: Path) -> None:
    steps = list(range(100, 2100, 100))
    run = make_run(runs_dir, "a-s1", steps=steps, columns={"train/entropy": [9.0] * 18 + [1.0, 2.0]})
    scores = read_scores(RunDir(run), "train/entropy")
    assert scores.score == 1.5
    assert scores.curve.steps == tuple(map(float, steps))


def test_columns_of_every_log_are_metrics(runs_dir: Path) -> None:
    run = RunDir(make_run(runs_dir, "a-s1", 50.0, monitor={"distance": [-1.0, -0.5]}))
    assert read_scores(run, "distance").curve.steps == (10.0, 30.0), "steps of the episodes so far"
    assert read_scores(run, "eval/min").score == 49.0
    assert read_scores(run, "rollout/episode_return").score == 50.0


def test_the_default_score_is_the_final_evaluation_and_not_the_last_one_while_training(
    runs_dir: Path,
) -> None:
    run = RunDir(make_run(runs_dir, "a-s1", 123.0, curve=[1.0, 2.0, 3.0, 4.0, 5.0]))
    scores = read_scores(run)
    assert (scores.score, scores.curve.values[-1]) == (123.0, 5.0)


def test_without_evaluations_while_training_the_curve_is_of_training_episodes_and_that_is_said(
    runs_dir: Path,
) -> None:
    for name in ("a", "b"):
        for seed in (1, 2):
            make_run(runs_dir, f"{name}-s{seed}", curve=[], columns={"rollout/episode_return": [7.0] * 5})
    comparison = compare(runs_dir, "a", "b")
    assert comparison.groups[0].scores[0].curve.values == (7.0,) * 5
    assert any("no evaluations during training" in warning for warning in comparison.warnings)


def test_an_unknown_metric_is_refused_with_near_names_and_the_list(runs_dir: Path) -> None:
    make_group(runs_dir, "a", [1.0, 2.0])
    said = refusal(runs_dir, "a", metric="rollout/episode_retrun")
    assert "a-s1 has not logged 'rollout/episode_retrun' (did you mean rollout/episode_return" in said
    assert "eval/min" in said
    assert "counts" in refusal(runs_dir, "a", metric="global_step")


# What does not count


@pytest.mark.parametrize(
    ("summary", "reason"),
    [
        ({"status": "diverged", "reason": "the loss is NaN"}, "diverged: the loss is NaN"),
        ({"status": "interrupted"}, "interrupted"),
        ({"status": "training"}, "interrupted"),  # nobody holds its lock
        ({"status": "pruned"}, "pruned"),
        ({"eval": {"mean": None}}, "its eval/return is not a number"),
        ({"eval": None}, "no final evaluation"),
    ],
)
def test_runs_that_did_not_finish_are_left_out_and_said(
    runs_dir: Path, summary: dict[str, Any], reason: str
) -> None:
    make_group(runs_dir, "a", HIGH)
    make_run(runs_dir, "a-s6", 9999.0, **summary)
    make_group(runs_dir, "b", LOW)
    comparison = compare(runs_dir, "a", "b")
    group = comparison.groups[0]
    assert (group.n_seeds, group.mean, group.failed) == (5, 300.0, ("a-s6",))
    assert math.isnan(group.scores[5].score)
    assert f"a: 1 of 6 runs left out: a-s6 ({reason})" in comparison.warnings


def test_survivors_of_divergence_are_said_to_flatter(runs_dir: Path) -> None:
    make_group(runs_dir, "a", HIGH)
    make_run(runs_dir, "a-s6", None, status="diverged")
    assert any("flatters" in warning for warning in compare(runs_dir, "a").warnings)


def test_a_run_without_a_summary_is_unfinished(runs_dir: Path) -> None:
    (make_run(runs_dir, "a-s1") / "summary.json").unlink()
    assert compare(runs_dir, "a").groups[0].scores[0].reason == "unfinished"


def test_the_same_settings_and_seed_twice_are_one_seed(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_run(runs_dir, "a-s1-2", LOW[0], seed=1)
    comparison = compare(runs_dir, "a*")
    assert comparison.groups[0].n_seeds == 5
    assert "a*: a-s1-2 repeats a-s1: one seed, counted once" in comparison.warnings


def test_equal_seeds_of_different_groups_are_fine(runs_dir: Path) -> None:
    assert of(runs_dir, a=LOW, b=HIGH).warnings == ()


def test_one_run_under_two_names_is_said(runs_dir: Path) -> None:
    comparison = of(runs_dir, a=LOW, b=(LOW[0], *HIGH[1:]))
    said = "a and b have 1 of their runs in common: same settings, seed and result"
    assert comparison.warnings == (said,)


def test_a_settled_pair_needs_no_more_seeds_also_where_only_holms_steps_settle_it(runs_dir: Path) -> None:
    near = [value + 2.6 for value in (100.0, 101.0, 102.0, 103.0, 104.0)]
    comparison = of(runs_dir, a=(0.0, 1.0, 2.0, 3.0, 4.0), b=[value - 2.6 for value in near], c=near)
    pair = comparison.pairs[2]
    assert pair.differs and pair.p_uncorrected > 0.05 / 3
    assert pair.more_seeds == 0


def test_runs_without_evaluations_are_counted_in_the_warning(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", HIGH)
    (runs_dir / "a-s1" / "eval.csv").unlink()
    (warning,) = compare(runs_dir, "a", "b").warnings
    assert warning.startswith("1 of 5 runs of a: no evaluations during training")


# Sample efficiency


def test_steps_to_the_threshold_are_a_median_over_all_seeds_also_those_that_never_get_there(
    runs_dir: Path,
) -> None:
    for seed, reached in enumerate((1, 2, 3, 9), 1):
        curve = [100.0 if index >= reached else 0.0 for index in range(5)]
        make_run(runs_dir, f"a-s{seed}", curve=curve)
    (group,) = compare(runs_dir, "a", threshold=50.0).groups
    assert (group.steps_to_threshold, group.n_reached) == (3500.0, 3)
    (group,) = compare(runs_dir, "slow=a-s4", "slow=a-s3", "slow=a-s1", threshold=150.0).groups
    assert (group.steps_to_threshold, group.n_reached) == (None, 0)


def test_the_threshold_is_gymnasiums_unless_another_is_given_and_only_for_returns(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    assert compare(runs_dir, "a").threshold == 475.0
    assert compare(runs_dir, "a", threshold=100.0).threshold == 100.0
    assert compare(runs_dir, "a", metric="eval/std").threshold is None


def test_an_environment_that_would_have_to_be_imported_has_no_threshold_and_is_not_imported(
    runs_dir: Path,
) -> None:
    (runs_dir.parent / "my_envs.py").write_text("raise SystemExit('imported')\n")
    make_group(runs_dir, "a", LOW, env_id="my_envs:Mine-v0")
    assert compare(runs_dir, "a").threshold is None


def test_areas_are_taken_over_the_steps_that_all_curves_share(runs_dir: Path) -> None:
    make_group(runs_dir, "short", [1.0, 1.0], steps=(1000, 2000), curve=(0.0, 1.0))
    make_group(runs_dir, "long", [1.0, 1.0], steps=(1000, 2000, 3000), curve=(0.0, 1.0, 100.0))
    comparison = compare(runs_dir, "short", "long")
    assert comparison.until == 2000.0
    assert [group.auc for group in comparison.groups] == [0.5, 0.5]
    assert any("2,000 steps (short) and 3,000 steps (long)" in warning for warning in comparison.warnings)


def test_areas_begin_where_all_curves_have_begun(runs_dir: Path) -> None:
    make_group(runs_dir, "early", [1.0, 1.0], steps=(0, 1000, 2000), curve=(-100.0, 0.0, 1.0))
    make_group(runs_dir, "late", [1.0, 1.0], steps=(1000, 2000), curve=(0.0, 1.0))
    assert [group.auc for group in compare(runs_dir, "early", "late").groups] == [0.5, 0.5]


# What is refused, what is warned of


def test_different_environments_are_refused_by_name(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", LOW, env_id="Acrobot-v1")
    said = refusal(runs_dir, "a", "b")
    assert "CartPole-v1" in said and "Acrobot-v1" in said


SHAPED = {"reward_shaping.mode": "replace", "reward_shaping.position": 1.0}


def test_shaped_returns_of_different_shapings_are_refused_and_the_true_return_is_named(
    runs_dir: Path,
) -> None:
    shaped = {"rollout/shaped_return": [1.0] * 5}
    make_group(runs_dir, "plain", LOW, columns=shaped)
    make_group(runs_dir, "shaped", LOW, columns=shaped, settings=SHAPED)
    make_group(runs_dir, "alike", LOW, columns=shaped, settings=SHAPED)
    assert "--metric eval/return" in refusal(runs_dir, "plain", "shaped", metric="rollout/shaped_return")
    compare(runs_dir, "shaped", "alike", metric="rollout/shaped_return")
    compare(runs_dir, "plain", "shaped"), "true returns compare"


def test_logging_terms_does_not_shape(runs_dir: Path) -> None:
    shaped = {"rollout/shaped_return": [1.0] * 5}
    make_group(runs_dir, "a", LOW, columns=shaped)
    make_group(runs_dir, "b", LOW, columns=shaped, settings={"reward_shaping.mode": "log"})
    compare(runs_dir, "a", "b", metric="rollout/shaped_return")


EVAL = {"mean": 1.0, "episodes": 100, "deterministic": True}
DOUBTS: list[tuple[dict[str, Any], str]] = [
    ({"eval": EVAL | {"episodes": 5}}, "final evaluations are of 100 episodes (a) and 5 episodes (b)"),
    ({"eval": EVAL | {"deterministic": False}}, "took the most likely actions (a) and random actions (b)"),
    (
        {"settings": {"eval_episodes": 3}},
        "during training were 10 of 20 episodes (a) and 10 of 3 episodes (b)",
    ),
    ({"settings": {"total_timesteps": 9000}}, "runs trained for 5,000 steps (a) and 9,000 steps (b)"),
    ({"settings": {"env_kwargs.sutton_barto_reward": True}}, "different env_kwargs"),
    ({"versions": VERSIONS | {"torch": "1.0"}}, "runs were made with torch 2.13.0 (a) and 1.0 (b)"),
]


@pytest.mark.parametrize(("options", "said"), DOUBTS)
def test_what_makes_a_comparison_doubtful_is_said(runs_dir: Path, options: dict[str, Any], said: str) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", HIGH, **options)
    warnings = compare(runs_dir, "a", "b").warnings
    assert any(said in warning for warning in warnings), warnings


def test_a_group_that_mixes_settings_is_said_to_and_the_settings_are_counted(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW[:3])
    make_run(runs_dir, "a-s4", settings={"eps_clip": 0.4})
    make_group(runs_dir, "b", HIGH)
    comparison = compare(runs_dir, "a", "b")
    assert comparison.config_diff == {"learning.eps_clip": {"a": "0.2 (3 runs), 0.4 (1 run)", "b": "0.2"}}
    assert any(
        "a mixes settings" in warning and "learning.eps_clip" in warning for warning in comparison.warnings
    )


def test_only_settings_that_differ_are_shown_and_never_seeds_or_threads(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW, settings={"num_threads": 2})
    make_group(runs_dir, "b", LOW, settings={"hidden_sizes": (8,), "reward_shaping.custom.mine": 2.0})
    assert compare(runs_dir, "a", "b").config_diff == {
        "network.hidden_sizes": {"a": "[64, 64]", "b": "[8]"},
        "reward_shaping.custom.mine": {"a": "not given", "b": "2.0"},
    }


def test_of_two_algorithms_only_what_was_chosen_is_shown(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW, settings={"eps_clip": 0.3, "gae_lambda": 0.9})
    make_group(runs_dir, "b", HIGH, settings={"algorithm": "grpo", "num_envs": 8})
    assert compare(runs_dir, "a", "b").config_diff == {
        "algorithm": {"a": "ppo-clip", "b": "grpo"},
        "learning.eps_clip": {"a": "0.3", "b": "0.2"},
        "learning.gae_lambda": {"a": "0.9", "b": "not used"},
    }


def test_a_difference_that_only_welchs_test_sees_is_said_to_be_doubtful(runs_dir: Path) -> None:
    comparison = of(runs_dir, a=HIGH[:3], b=LOW[:3])
    assert comparison.pairs[0].differs and comparison.pairs[0].permutation_p == pytest.approx(0.1)
    assert any("not by the permutation test (p = 0.10)" in warning for warning in comparison.warnings)


# Damage


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("eval.csv", "global_step,median\n1,2\n"),
        ("eval.csv", "global_step,mean\nx,2\n"),
        ("eval.csv", "global_step,mean\n2,2\n1,2\n"),
        ("eval.csv", "\x00\x01garbage\nand more\n"),
        ("eval.csv", "global_step,mean\n1," + "9" * 200_000 + "\n"),
        ("summary.json", "{"),
        ("config.yaml", "env_id: [\n"),
    ],
)
def test_damaged_files_are_named(runs_dir: Path, name: str, text: str) -> None:
    run = make_run(runs_dir, "a-s1")
    (run / name).write_text(text)
    with pytest.raises(CorruptFileError) as caught:
        compare(runs_dir, "a-s1")
    assert str(run / name) in caught.value.message


def test_a_last_line_that_is_torn_does_no_harm(runs_dir: Path) -> None:
    run = make_run(runs_dir, "a-s1", 10.0)
    with (run / "eval.csv").open("a") as file:
        file.write("6000,9")
    assert read_scores(RunDir(run)).curve.values[-1] == 10.0


# The document


def test_the_json_document_has_the_promised_keys_and_is_strict(runs_dir: Path) -> None:
    document = to_json(of(runs_dir, a=LOW, b=[5.0]))
    text = json.dumps(strict(document), allow_nan=False)
    assert {"env_id", "groups", "comparisons", "config_diff", "warnings"} <= json.loads(text).keys()
    group, pair = document["groups"][0], document["comparisons"][0]
    assert {"name", "runs", "n_seeds", "mean", "ci95", "iqm", "iqm_ci95"} <= group.keys()
    assert {"a", "b", "difference", "ci95", "probability_of_improvement", "p_value", "verdict"} <= pair.keys()
    assert group["runs"][0]["run_dir"] == str(runs_dir / "a-s1")
