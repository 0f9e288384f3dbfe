"""A finished run whose learning rate has fallen to 0 is extended: that it jumps is said before it does."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from helpers.cli_runner import TINY, inside

RATE = ("--set", "learning_rate=0.01")


def test_a_rate_that_jumps_is_said_before_it_happens(tmp_path: Path) -> None:
    assert inside("train", *TINY, *RATE, "--name", "a", cwd=tmp_path).code == 0
    result = inside("train", "--resume", "a", "--total-timesteps", "256", cwd=tmp_path)
    assert result.code == 0
    lines = result.stderr.splitlines()
    (said,) = [number for number, line in enumerate(lines) if "so it jumps from" in line]
    assert "a: anneal_lr spreads the learning rate" in lines[said]
    assert "it jumps from 0 to 0.005 now" in lines[said]
    assert said < min(number for number, line in enumerate(lines) if line.lstrip()[:1].isdigit())
    with (tmp_path / "runs" / "a" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert [float(row["train/learning_rate"]) for row in rows] == pytest.approx([0.01, 0.005, 0.005, 0.0025])


def test_where_the_rate_is_not_annealed_nothing_is_said(tmp_path: Path) -> None:
    assert inside("train", *TINY, *RATE, "--set", "anneal_lr=false", "--name", "a", cwd=tmp_path).code == 0
    result = inside("train", "--resume", "a", "--total-timesteps", "256", cwd=tmp_path)
    assert result.code == 0 and "jumps" not in result.stderr
