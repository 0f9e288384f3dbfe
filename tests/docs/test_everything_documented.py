"""What there is is in the documentation: commands, options, settings, metrics, files, exit codes, names."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import typer
from helpers.cli_runner import TINY, inside
from helpers.pages import PAGES, ROOT, Page

import ppo_cli
from ppo_cli import errors
from ppo_cli.cli import COMMANDS, app
from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.settings import SETTINGS
from ppo_cli.config.shipped import shipped_config_dir
from ppo_cli.metrics import METRICS


def page(name: str) -> Page:
    return next(page for page in PAGES if page.name == f"docs/{name}")


def first_cells(name: str) -> set[str]:
    """The first column of all tables of a page."""
    return {row[0] for _, _, *rows in page(name).tables for row in rows}


def test_every_command_has_a_section_with_its_options() -> None:
    text = page("reference/commands.md").text
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        section = text.partition(f"### ppo {name}\n")[2].partition("\n### ")[0]
        options = [option for param in command.params for option in param.opts if option.startswith("--")]
        assert [option for option in options if option not in section] == [], name
    assert set(group.commands) == set(COMMANDS)


def test_every_setting_is_in_the_table() -> None:
    assert {f"`{setting.name}`" for setting in SETTINGS} <= first_cells("reference/settings.md")


def test_every_metric_is_in_the_table() -> None:
    assert {f"`{metric.name}`" for metric in METRICS} <= first_cells("reference/metrics.md")


def test_every_exit_code_is_in_the_table() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    codes = {str(kind.exit_code) for kind in kinds if issubclass(kind, errors.PpoError)}
    assert codes | {"0", "129", "130", "143"} <= first_cells("reference/commands.md")


def test_every_shipped_file_is_linked() -> None:
    shipped = page("reference/environments.md").links
    names = [
        path.relative_to(shipped_config_dir()).as_posix() for path in shipped_config_dir().rglob("*.yaml")
    ]
    assert [name for name in names if f"../../configs/{name}" not in shipped] == []


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_has_a_section(name: str) -> None:
    assert name in page("algorithms.md").anchors


def test_every_name_that_the_package_offers_has_a_section() -> None:
    offered = {name.lower() for name in ppo_cli.__all__ if not name.startswith("_")}
    assert offered <= page("reference/python.md").anchors


def test_every_file_of_a_run_folder_is_in_the_table(tmp_path: Path) -> None:
    more = ("--set", "tensorboard=true", "--set", "keep_policies=2", "--name", "run", "--quiet")
    assert inside("train", *TINY, *more, cwd=tmp_path).code == 0
    made = {path.name for path in (tmp_path / "runs" / "run").iterdir() if path.name != ".lock"}
    known = {
        name.strip("`").rstrip("/") for cell in first_cells("reference/files.md") for name in cell.split(", ")
    }
    assert {
        name for name in made if name not in known and not name.startswith("events.out.tfevents")
    } == set()


def test_every_path_of_the_tree_exists() -> None:
    tree = next(block.text for block in PAGES[0].blocks if "ppo_cli/\n" in block.text)
    names = [word for line in tree.splitlines() for word in line[:26].split() if word.endswith(("/", ".py"))]
    assert len(names) > 15
    assert [
        name for name in names if not any((root / name).exists() for root in (ROOT, ROOT / "ppo_cli"))
    ] == []


def test_every_room_of_the_package_is_in_the_tree() -> None:
    tree = next(block.text for block in PAGES[0].blocks if "ppo_cli/\n" in block.text)
    rooms = [path.parent.name for path in (ROOT / "ppo_cli").glob("*/__init__.py")]
    assert [room for room in rooms if f"{room}/" not in tree] == []
