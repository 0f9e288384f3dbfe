"""What ``ppo_cli`` itself offers, and what it costs to ask."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ppo_cli


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ["torch", "numpy", "gymnasium", "pydantic", "rich"]
    assert python(f"import sys, ppo_cli; print([m for m in {heavy} if m in sys.modules])") == "[]"


@pytest.mark.parametrize("name", [name for name in ppo_cli.__all__ if name != "__version__"])
def test_every_name_is_there_whatever_was_imported_before(name: str) -> None:
    before = "import ppo_cli.comparison.groups; from ppo_cli.sweeps.spec import points"
    for first in ("", before):
        code = f"{first}\nfrom ppo_cli import {name}\nimport ppo_cli\n"
        assert python(f"{code}print({name} is ppo_cli.{name}, callable({name}))") == "True True"


def test_an_unknown_name_is_none_of_ours() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = ppo_cli.trian
