"""The curves that a run has logged, by the name of their column."""

from __future__ import annotations

from pathlib import Path

from helpers.comparisons import refusal
from helpers.run_folders import make_group, make_run

from ppo_cli.comparison.scores import read_scores
from ppo_cli.runs.run_dir import RunDir


def test_an_unknown_metric_is_refused_with_near_names_and_the_list(runs_dir: Path) -> None:
    make_group(runs_dir, "a", [1.0, 2.0])
    message = refusal(runs_dir, "a", metric="rollout/episode_retrun")
    assert "a-s1 has not logged 'rollout/episode_retrun' (did you mean rollout/episode_return" in message
    assert "eval/min" in message
    assert "counts" in refusal(runs_dir, "a", metric="global_step")


def test_columns_of_every_log_are_metrics(runs_dir: Path) -> None:
    run = RunDir(make_run(runs_dir, "a-s1", 50.0, monitor={"distance": [-1.0, -0.5]}))
    assert read_scores(run, "distance").curve.steps == (10.0, 30.0), "steps of the episodes so far"
    assert read_scores(run, "eval/min").score == 49.0
    assert read_scores(run, "rollout/episode_return").score == 50.0
