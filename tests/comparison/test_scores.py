"""What one run achieved: by its final evaluation, or by a column that it has logged."""

from __future__ import annotations

from pathlib import Path

from helpers.run_folders import make_run

from ppo_cli.comparison.scores import read_scores
from ppo_cli.runs.run_dir import RunDir


def test_a_logged_column_is_scored_by_the_last_tenth_of_its_curve(runs_dir: Path) -> None:
    steps = list(range(100, 2100, 100))
    run = make_run(runs_dir, "a-s1", steps=steps, columns={"train/entropy": [9.0] * 18 + [1.0, 2.0]})
    scores = read_scores(RunDir(run), "train/entropy")
    assert scores.score == 1.5
    assert scores.curve.steps == tuple(map(float, steps))


def test_the_default_score_is_the_final_evaluation_and_not_the_last_one_while_training(
    runs_dir: Path,
) -> None:
    run = RunDir(make_run(runs_dir, "a-s1", 123.0, curve=[1.0, 2.0, 3.0, 4.0, 5.0]))
    scores = read_scores(run)
    assert (scores.score, scores.curve.values[-1]) == (123.0, 5.0)


def test_a_last_line_that_is_torn_does_no_harm(runs_dir: Path) -> None:
    run = make_run(runs_dir, "a-s1", 10.0)
    with (run / "eval.csv").open("a") as file:
        file.write("6000,9")
    assert read_scores(RunDir(run)).curve.values[-1] == 10.0
