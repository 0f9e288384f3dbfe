"""The README says what the code does: tables, commands, files, options."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ppo_cli.cli import COMMANDS
from ppo_cli.config.names import find as find_setting

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_generated_sections_are_up_to_date() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "readme.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_shown(name: str) -> None:
    assert f"`ppo {name}`" in README


def test_every_shown_command_exists() -> None:
    shown = set(re.findall(r"(?:^ {4}|`)ppo ([a-z]+)", README, re.MULTILINE))
    assert shown <= set(COMMANDS), f"not commands: {sorted(shown - set(COMMANDS))}"


def test_every_setting_used_with_set_exists() -> None:
    used = set(re.findall(r"--set ([a-z_.]+)=", README))
    assert used
    assert [name for name in sorted(used) if find_setting(name) is None] == []


def test_every_path_in_the_tree_exists() -> None:
    tree = README.partition("The tree, in the order to read it:")[2].partition("Imports go downward")[0]
    words = [
        word for line in tree.splitlines() for word in line[:44].split() if re.fullmatch(r"\w+(\.py|/)", word)
    ]
    missing = [word for word in words if not ((ROOT / "ppo_cli" / word).exists() or (ROOT / word).exists())]
    assert words
    assert not missing


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("block", re.findall(r"```python\n# my_terms.py\n(.*?)```", README, re.DOTALL))
def test_the_shaping_example_works(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ppo_cli.envs.consent import agree_to_terms
    from ppo_cli.envs.member_envs import make_member_envs
    from ppo_cli.envs.shaping import ShapingParams

    (tmp_path / "my_terms.py").write_text(block)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_terms", raising=False)  # of another test
    agree_to_terms("my_terms:terms", agreed=True)
    params = ShapingParams("add", 1.0, {"upright": 0.5}, 0.99, "my_terms:terms")
    envs = make_member_envs("CartPole-v1", {}, 2, [1], [params])
    assert "upright" in envs.term_names
    envs.close()
