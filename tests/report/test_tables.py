"""Tables of results."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.terminal import printed

from ppo_cli.report.tables import checks_table, eval_text, runs_table, training_table


def test_a_name_that_looks_like_markup_is_shown_as_it_is() -> None:
    runs = [{"name": "x [/red] [link=file:///etc]y[/link]", "env_id": "[bold]", "status": "[/]"}]
    text = printed(runs_table(runs, width=200), 200)
    assert "x [/red] [link=file:///etc]y[/link]" in text and "[bold]" in text and "[/]" in text


def run_row(seed: int = 1, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": f"CartPole-v1-ppo-clip-s{seed}",
        "run_dir": f"runs/CartPole-v1-ppo-clip-s{seed}",
        "env_id": "CartPole-v1",
        "algorithm": "ppo-clip",
        "seed": seed,
        "status": "completed",
        "global_step": 100_000,
        "wall_time": 62.0,
        "eval": {"mean": 490.0, "ci95": [480.0, 500.0], "episodes": 100},
    }
    return row | changes


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_of_runs_cuts_no_number_and_no_name(width: int) -> None:
    rows = [run_row(), run_row(2, status="unreadable", eval=None, global_step=None, wall_time=None)]
    text = printed(runs_table(rows, width=width), width)
    assert "CartPole-v1-ppo-clip-s1" in text and "490 ± 10" in text and "100,000" in text and "1:02" in text
    assert "unreadable" in text and "…" not in text


def test_a_summary_that_holds_anything_is_shown() -> None:
    row = run_row(status=["x"], global_step="many", wall_time=None, eval={"mean": "high", "ci95": None})
    assert "CartPole-v1-ppo-clip-s1" in printed(runs_table([row], width=120), 120)


@pytest.mark.parametrize(
    ("evaluation", "text"),
    [
        ("x", "-"),
        (5, "-"),
        (["mean"], "-"),
        ({"mean": 1.0, "ci95": 5}, "1"),
        ({"mean": 1.0, "ci95": [0.5]}, "1"),
        ({"mean": 1.0, "ci95": "ab"}, "1"),
        ({"mean": 1.0, "ci95": {"a": 1, "b": 2}}, "1"),
        ({"mean": 10**400, "ci95": [10**400, 10**400]}, "-"),
        ({"mean": True, "ci95": [None, "x"], "episodes": 10**400}, "-"),
    ],
)
def test_numbers_of_the_wrong_type_or_size_are_not_shown(evaluation: Any, text: str) -> None:
    assert eval_text(evaluation) == text
    row = run_row(global_step=10**400, wall_time="x", eval=evaluation)
    for table in (runs_table([row], width=120), training_table([row], None)):
        assert "CartPole-v1-ppo-clip-s1" in printed(table, 120)


def test_the_training_table_ends_with_the_mean_over_seeds() -> None:
    over_seeds = {"mean": 485.0, "ci95": [475.0, 495.0], "n_seeds": 2}
    text = printed(training_table([run_row(1), run_row(2)], over_seeds))
    assert "mean over 2 seeds" in text and "485 ± 10" in text


def test_a_problem_comes_with_what_to_do() -> None:
    checks = [{"name": "box2d", "ok": False, "detail": "missing", "fix": "pip install [box2d]"}]
    assert "to do: pip install [box2d]" in printed(checks_table(checks))
