"""The tables of a comparison for a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from helpers.comparisons import HIGH, LOW, compare
from helpers.run_folders import make_group, make_sweep
from rich.console import Console

from ppo_cli.report.compare_columns import pair_columns
from ppo_cli.report.compare_tables import MOST_PAIRS, config_table, groups_tables, pairs_table


def printed(what: object, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(what)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_table_is_wider_than_the_terminal_and_no_number_is_cut(runs_dir: Path, width: int) -> None:
    make_group(runs_dir, "LunarLander-v3-ppo-clip", HIGH, env_id="LunarLander-v3")
    make_group(runs_dir, "LunarLander-v3-shaped", [*LOW, None], env_id="LunarLander-v3", status="completed")
    comparison = compare(runs_dir, "LunarLander-v3-ppo-clip", "LunarLander-v3-shaped")
    tables = groups_tables(comparison, width=width)
    shown = "\n".join(
        "\n".join(printed(table, width)) for table in [*tables, pairs_table(comparison, width=width)]
    )
    assert len(tables) == (1 if width == 140 else 2)
    for text in (
        "300 ± 9.5",
        "[292.0",
        "4k (5/5)",
        "1:00",
        "left out",
        "+100 [89, 111]",
        "<0.001",
        "1.00 [1.00, 1.00]",
    ):
        assert text in shown, shown
    assert "…" not in shown


def test_the_highest_mean_is_bold_where_high_is_better_and_not_otherwise(runs_dir: Path) -> None:
    make_group(runs_dir, "a", LOW)
    make_group(runs_dir, "b", HIGH)
    (table,) = groups_tables(compare(runs_dir, "a", "b"), width=200)
    assert [str(cell.style) for cell in table.columns[0].cells] == ["", "bold"]
    (table,) = groups_tables(compare(runs_dir, "a", "b", metric="eval/std"), width=200)
    assert [str(cell.style) for cell in table.columns[0].cells] == ["", ""]


def test_of_many_pairs_the_clearest_are_shown(runs_dir: Path) -> None:
    points = {f"eps_clip={value / 10}": [100.0 + 20 * value, 101.0, 99.0] for value in range(1, 11)}
    make_sweep(runs_dir, "wide", points)
    comparison = compare(runs_dir, "wide")
    table = pairs_table(comparison, width=200)
    assert table.row_count == MOST_PAIRS + 1
    smallest = min(pair.p_uncorrected for pair in comparison.pairs)
    first = pair_columns(comparison, [pair for pair in comparison.pairs if pair.p_uncorrected == smallest])
    assert str(next(iter(table.columns[0].cells))) == first[0][1][0]


def test_settings_of_many_groups_go_into_one_column(runs_dir: Path) -> None:
    make_sweep(runs_dir, "wide", {f"learning_rate={value}e-05": [1.0] for value in range(1, 9)})
    comparison = compare(runs_dir, "wide")
    assert len(config_table(comparison, width=300).columns) == 9
    assert (
        "learning_rate=1e-05: 1.0e-05; learning_rate=2e-05: 2.0e-05"
        in printed(config_table(comparison, width=100), 999)[2]
    )
