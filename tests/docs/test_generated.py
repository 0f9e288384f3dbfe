"""What is generated in the documentation is up to date, complete, and reads well."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence

import pytest
from helpers.pages import PAGES, README, ROOT, Page

MARKS = re.compile(r"<!-- begin ([a-z0-9_]+) -->")


def shown() -> set[str]:
    return {name for page in PAGES for name in MARKS.findall(page.text)}


def test_every_generated_part_is_up_to_date() -> None:
    command = [sys.executable, ROOT / "docs" / "generate.py", "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_table_of_the_code_is_shown() -> None:
    command = [sys.executable, "-c", "import generate; print(*generate.MADE)"]
    names = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT / "docs"
    ).stdout.split()
    assert set(names) - shown() == set()


def test_every_measurement_is_shown() -> None:
    measured = {path.stem for path in (ROOT / "benchmarks" / "results").glob("*.json")}
    assert measured - shown() == set()


def test_every_benchmark_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    lists = dict(re.findall(r"(?m)^(BENCHMARKS|STUDIES|PREFERENCES|FIGURES) \?= (.*)$", makefile))
    named = {name: {word.partition(":")[0] for word in words.split()} for name, words in lists.items()}
    programs = {
        path.stem
        for path in (ROOT / "benchmarks").glob("[a-z]*.py")
        if re.search(r"(?m)^def main\(", path.read_text(encoding="utf-8"))
    }
    assert named["BENCHMARKS"] | named["STUDIES"] | named["PREFERENCES"] == programs
    assert named["FIGURES"] <= programs


def test_the_front_page_is_one_page() -> None:
    assert len(README.text.splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_row_of_a_table_has_as_many_cells_as_its_header(page: Page) -> None:
    wrong = [row for header, *rows in page.tables for row in rows if len(row) != len(header)]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_columns_of_words_are_aligned_to_the_left(page: Page) -> None:
    wrong = []
    for header, rule, *rows in page.tables:
        columns = zip(header, rule, zip(*rows, strict=True), strict=True)
        wrong += [name for name, align, cells in columns if align.endswith(":") and not mostly_numbers(cells)]
    assert wrong == []


def mostly_numbers(cells: Sequence[str]) -> bool:
    full = [cell for cell in cells if cell.strip("– ")]
    numbers = [
        cell for cell in full if re.match(r"[−<≤\d]", cell) and 2 * len(re.findall("[a-z]", cell)) < len(cell)
    ]
    return 2 * len(numbers) > len(full)
