"""What must not be mixed in a comparison, and what its reader is warned of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.comparisons import HIGH, LOW, compare, compare_scores, refusal
from helpers.run_folders import VERSIONS, make_group, make_run


def test_without_evaluations_while_training_the_curve_is_of_training_episodes_and_that_is_said(
    runs_dir: Path,
) -> None:
    for name in ("a", "b"):
        for seed in (1, 2):
            make_run(runs_dir, f"{name}-s{seed}", curve=[], columns={"rollout/episode_return": [7.0] * 5})
    comparison = compare(runs_dir, "a", "b")
    assert comparison.groups[0].scores[0].curve.values == (7.0,) * 5
    assert any("no evaluations during training" in warning for warning in comparison.warnings)


def test_survivors_of_divergence_are_said_to_flatter(runs_dir: Path) -> None:
    make_group(runs_dir, "a", HIGH)
    make_run(runs_dir, "a-s6", None, status="diverged")
    assert any("flatters" in warning for warning in compare(runs_dir, "a").warnings)


def test_equal_seeds_of_different_groups_are_fine(runs_dir: Path) -> None:
    assert compare_scores(runs_dir, a=LOW, b=HIGH).warnings == ()


def test_one_run_under_two_names_is_said(runs_dir: Path) -> None:
    comparison = compare_scores(runs_dir, a=LOW, b=(LOW[0], *HIGH[1:]))
    message = "a and b have 1 of their runs in common: same settings, seed and result"
    assert comparison.warnings == (message,)


def test_runs_without_evaluations_are_counted_in_the_warning(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", HIGH)
    (runs_dir / "a-s1" / "eval.csv").unlink()
    (warning,) = compare(runs_dir, "a", "b").warnings
    assert warning.startswith("1 of 5 runs of a: no evaluations during training")


def test_different_environments_are_refused_by_name(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", LOW, env_id="Acrobot-v1")
    message = refusal(runs_dir, "a", "b")
    assert "CartPole-v1" in message and "Acrobot-v1" in message


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


@pytest.mark.parametrize(("options", "message"), DOUBTS)
def test_what_makes_a_comparison_doubtful_is_said(
    runs_dir: Path, options: dict[str, Any], message: str
) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", HIGH, **options)
    warnings = compare(runs_dir, "a", "b").warnings
    assert any(message in warning for warning in warnings), warnings


def test_a_difference_that_only_welchs_test_sees_is_said_to_be_doubtful(runs_dir: Path) -> None:
    comparison = compare_scores(runs_dir, a=HIGH[:3], b=LOW[:3])
    assert comparison.pairs[0].differs and comparison.pairs[0].permutation_p == pytest.approx(0.1)
    assert any("not by the permutation test (p = 0.10)" in warning for warning in comparison.warnings)
