"""The whole comparison: which runs count, how fast they learned, what is damaged, and the document."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from helpers.comparisons import HIGH, LOW, compare, compare_scores
from helpers.run_folders import make_group, make_run

from ppo_cli.comparison.comparison import to_json
from ppo_cli.errors import CorruptFileError
from ppo_cli.storage.json_file import strict

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


def test_a_run_without_a_summary_is_unfinished(runs_dir: Path) -> None:
    (make_run(runs_dir, "a-s1") / "summary.json").unlink()
    assert compare(runs_dir, "a").groups[0].scores[0].reason == "unfinished"


def test_the_same_settings_and_seed_twice_are_one_seed(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_run(runs_dir, "a-s1-2", LOW[0], seed=1)
    comparison = compare(runs_dir, "a*")
    assert comparison.groups[0].n_seeds == 5
    assert "a*: a-s1-2 repeats a-s1: one seed, counted once" in comparison.warnings


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


# The document


def test_the_json_document_has_the_promised_keys_and_is_strict(runs_dir: Path) -> None:
    document = to_json(compare_scores(runs_dir, a=LOW, b=[5.0]))
    text = json.dumps(strict(document), allow_nan=False)
    assert {"env_id", "groups", "comparisons", "config_diff", "warnings"} <= json.loads(text).keys()
    group, pair = document["groups"][0], document["comparisons"][0]
    assert {"name", "runs", "n_seeds", "mean", "ci95", "iqm", "iqm_ci95"} <= group.keys()
    assert {"a", "b", "difference", "ci95", "probability_of_improvement", "p_value", "verdict"} <= pair.keys()
    assert group["runs"][0]["run_dir"] == str(runs_dir / "a-s1")
