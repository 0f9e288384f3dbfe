"""``ppo compare`` as its users see it: stdout, stderr, files and exit codes."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers.cli_runner import Result, environment, inside, ppo
from helpers.run_folders import make_group, make_run, make_sweep
from PIL import Image

LOW = (200.0, 205.0, 195.0, 210.0, 190.0)
HIGH = (300.0, 304.0, 296.0, 310.0, 290.0)


@pytest.fixture
def two(runs_dir: Path) -> Path:
    """Two trainings of five seeds; the folder above the runs."""
    make_group(runs_dir, "high", HIGH, settings={"eps_clip": 0.3})
    make_group(runs_dir, "low", LOW)
    return runs_dir.parent


def compare(folder: Path, *args: str) -> Result:
    return inside("compare", *args, cwd=folder)


def test_it_ends_in_the_verdict(two: Path) -> None:
    result = compare(two, "high", "low")
    assert result.code == 0
    assert result.stdout.strip().splitlines()[-1] == (
        "high is better than low: +100 [89, 111], p < 0.001, 5 seeds each."
    )


def test_tables_show_every_number_and_the_settings_that_differ(two: Path) -> None:
    shown = compare(two, "high", "low", "--threshold", "250").stdout
    for text in (
        "300 ± 9.5",  # mean with its interval
        "steps to 250",
        "5k (5/5)",
        "- (0/5)",
        "+100 [89, 111]",
        "1.00 [1.00, 1.00]",  # probability of improvement
        "learning.eps_clip",
        "1:00",  # wall time
    ):
        assert text in shown, shown


def test_warnings_go_to_stderr_and_results_to_stdout(two: Path) -> None:
    make_run(two / "runs", "high-s6", status="diverged", reason="NaN")
    result = compare(two, "high", "low")
    assert "high: 1 of 6 runs left out: high-s6 (diverged: NaN)" in result.stderr
    assert "left out: high-s6" not in result.stdout
    assert "left out" in result.stdout, "the table counts them"


def test_json_is_one_document_with_all_that_is_said(two: Path) -> None:
    result = compare(two, "high", "low", "--json")
    assert result.json["comparisons"][0]["verdict"].startswith("high is better than low")
    assert result.json["verdict"] in compare(two, "high", "low").stdout
    assert result.json["config_diff"] == {"learning.eps_clip": {"high": "0.3", "low": "0.2"}}


def test_json_of_one_seed_each_has_null_for_what_is_not_known(runs_dir: Path) -> None:
    make_run(runs_dir, "a-s1")
    make_run(runs_dir, "b-s1", 200.0)
    document = compare(runs_dir.parent, "a-s1", "b-s1", "--json").json
    assert document["comparisons"][0]["p_value"] is None
    assert document["groups"][0]["ci95"] == [None, None]
    assert document["verdict"].startswith("Nothing can be said")


def test_csv_has_one_line_per_group_with_exact_numbers(two: Path) -> None:
    make_run(two / "runs", "one-s1", 1 / 3)
    result = compare(two, "high", "low", "one", "--csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["group"] for row in rows] == ["high", "low", "one-s1"]
    assert float(rows[2]["mean"]) == 1 / 3
    assert rows[2]["ci95_low"] == "", "nothing where nothing is known"


def test_markdown_has_tables_and_nothing_of_a_name_becomes_markup(two: Path) -> None:
    result = compare(two, "a|`b`<i>*=high", "low", "--markdown")
    lines = result.stdout.splitlines()
    assert any(line.startswith("| `` a\\|`b`<i>* `` | 5 |") for line in lines), result.stdout
    assert "a\\|\\`b\\`\\<i\\>\\* is better than low" in result.stdout
    widths = {len(line.replace("\\|", "").split("|")) for line in lines if line.startswith("|")}
    assert len(widths) == 3, "three tables, each with as many cells in every line"


@pytest.mark.parametrize("formats", [("--json", "--csv"), ("--csv", "--markdown")])
def test_formats_exclude_each_other(two: Path, formats: Sequence[str]) -> None:
    result = compare(two, "high", "low", *formats)
    assert result.code == 2
    assert "exclude each other" in result.stdout + result.stderr


def test_a_pipe_gets_plain_text_in_which_curves_are_digits(two: Path) -> None:
    result = ppo("compare", "high", "low", cwd=two)
    assert "\x1b" not in result.stdout
    assert "1 high   2 low" in result.stdout
    rows = [line for line in result.stdout.splitlines() if "│" in line or "┤" in line]
    assert any("1" in row.partition("│")[2] for row in rows)


def test_a_terminal_without_unicode_gets_ascii(two: Path) -> None:
    result = ppo("compare", "high", "low", cwd=two, env=environment(PYTHONIOENCODING="ascii"))
    assert result.stdout.isascii()
    assert "300 +/- 9.5" in result.stdout
    assert "?" not in result.stdout


def test_names_of_users_are_shown_as_they_are(two: Path) -> None:
    result = compare(two, "[red]x=high", "low")
    assert "[red]x" in result.stdout


def test_a_plot_is_a_picture_and_a_drawing(two: Path) -> None:
    result = compare(two, "high", "low", "--plot", "eps_clip=0.2", "--json")
    assert result.json["plots"] == ["eps_clip=0.2.png", "eps_clip=0.2.svg"]
    with Image.open(two / "eps_clip=0.2.png") as image:
        assert image.width == 1200
    assert "performance profile" in (two / "eps_clip=0.2.svg").read_text()


@pytest.mark.parametrize("name", ["p", "p.png", "p.svg"])
def test_a_plot_that_exists_is_not_replaced_without_force(two: Path, name: str) -> None:
    (two / "p.svg").write_text("mine")
    result = compare(two, "high", "low", "--plot", name)
    assert result.code == 2 and "p.svg exists already" in result.stderr
    assert (two / "p.svg").read_text() == "mine" and not (two / "p.png").exists()
    assert compare(two, "high", "low", "--plot", name, "--force").code == 0
    assert (two / "p.svg").read_text() != "mine"


@pytest.mark.parametrize("name", ["", ".", "..", "/"])
def test_a_plot_without_a_name_is_refused(two: Path, name: str) -> None:
    result = compare(two, "high", "low", "--plot", name)
    assert result.code == 2 and "names no file" in result.stderr


@pytest.mark.parametrize("threshold", ["nan", "inf"])
def test_a_threshold_that_no_return_can_reach_is_refused(two: Path, threshold: str) -> None:
    result = compare(two, "high", "low", "--threshold", threshold)
    assert result.code == 2 and f"{threshold} is no threshold" in result.stderr


def test_a_plot_in_a_folder_that_does_not_exist_is_refused_before_anything_is_read(two: Path) -> None:
    result = compare(two, "nothing", "--plot", "missing/p")
    assert result.code == 2 and "there is no folder missing" in result.stderr


def test_without_matplotlib_a_plot_is_refused_and_the_tables_are_not(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = compare(two, "high", "low", "--plot", "p")
    assert result.code == 2 and "pip install 'ppo-cli[plots]'" in result.stderr
    assert compare(two, "high", "low").code == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["hgih", "low"], "did you mean high"),
        (["high"], "one group only: high"),
        (["high", "high"], "high is given twice"),
        (["none*", "low"], "matches no run folder"),
        (["high", "low", "--metric", "train/entropie"], "has not logged 'train/entropie'"),
        (["high", "low", "--curve", "median"], "median"),
    ],
)
def test_wrong_input_is_refused_in_words(two: Path, args: list[str], said: str) -> None:
    result = compare(two, *args)
    assert result.code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert said in compare(two, *args, "--json").json["error"]["message"] + result.stderr


def test_runs_that_were_never_evaluated_are_refused_and_told_what_compares_them(two: Path) -> None:
    make_group(two / "runs", "blind", [None, None], curve=[], columns={"rollout/episode_return": [1.0] * 5})
    result = compare(two, "high", "blind")
    assert result.code == 2
    assert "no final evaluation" in result.stderr and "--metric rollout/episode_return" in result.stderr
    assert compare(two, "high", "blind", "--metric", "rollout/episode_return").code == 0


def test_a_damaged_file_ends_with_the_code_of_damage(two: Path) -> None:
    (two / "runs" / "high-s1" / "eval.csv").write_text("nonsense\n1\n")
    result = compare(two, "high", "low")
    assert result.code == 5 and "high-s1/eval.csv" in result.stderr


def test_many_groups_stay_readable(runs_dir: Path) -> None:
    points = {f"eps_clip={value / 10}": [100.0 + value, 110.0, 90.0] for value in range(1, 13)}
    make_sweep(runs_dir, "wide", points)
    result = compare(runs_dir.parent, "wide")
    assert result.code == 0
    assert "and 36 more" in result.stdout, "66 pairs"
    assert "the 6 that end highest, of 12" in result.stdout


def test_two_groups_are_compared_without_torch(two: Path) -> None:
    code = (
        "import sys; from ppo_cli.cli import app; from ppo_cli.cli.terminal.errors import run; "
        "code = run(app, ['compare', 'high', 'low']); print(code, 'torch' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=two, env=environment(), capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip().splitlines()[-1] == "0 False"
