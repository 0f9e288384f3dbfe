"""The settings in which groups differ, and those that one group mixes."""

from __future__ import annotations

from pathlib import Path

from helpers.comparisons import HIGH, LOW, compare
from helpers.run_folders import make_group, make_run


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
