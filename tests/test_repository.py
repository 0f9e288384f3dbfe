"""The files around the package: the lock, what is shipped, and what must not be written anywhere."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.import_graph import REPOSITORY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# In two halves, so that this file may be read by its own test.
REGISTRY_HOSTS = [
    ".".join(halves)
    for halves in [
        ("pypi", "org"),
        ("files.pythonhosted", "org"),
        ("download.pytorch", "org"),
        ("registry.npmjs", "org"),
        ("anaconda", "org"),
        ("deb.debian", "org"),
        ("archive.ubuntu", "com"),
    ]
]
PIP_SOURCES = re.compile(r"--(?:extra-)?index-url\b|--find-links\b|--trusted-host\b")


def repository_files() -> Iterator[Path]:
    """Every file of the repository that someone wrote: no environments, caches or runs."""
    made = {"__pycache__", "build", "dist", "node_modules"}
    for folder, folders, names in os.walk(REPOSITORY):
        here = Path(folder)
        folders[:] = [
            name
            for name in folders
            if (not name.startswith(".") or name == ".ci")
            and name not in made
            and not (here / name / "pyvenv.cfg").exists()
            and here / name != REPOSITORY / "runs"
        ]
        yield from (here / name for name in names)


def texts() -> Iterator[tuple[str, str]]:
    for path in repository_files():
        yield path.relative_to(REPOSITORY).as_posix(), path.read_bytes().decode("utf-8", errors="replace")


def lock() -> list[Requirement]:
    lines = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def project() -> dict[str, object]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def test_no_file_names_a_registry_host() -> None:
    found = [(name, host) for name, text in texts() for host in REGISTRY_HOSTS if host in text]
    assert found == []


def test_no_file_tells_pip_where_to_look() -> None:
    own = Path(__file__).relative_to(REPOSITORY).as_posix()
    found = [name for name, text in texts() if name != own and PIP_SOURCES.search(text)]
    assert found == []


def test_the_lock_pins_every_package_to_one_version() -> None:
    for requirement in lock():
        operators = [specifier.operator for specifier in requirement.specifier]
        assert operators == ["=="], f"{requirement} is not pinned"
        assert "+" not in str(requirement.specifier), f"{requirement} is of one machine's build"


def test_torch_comes_first_in_the_lock() -> None:
    assert lock()[0].name == "torch"


def test_the_lock_fits_the_ranges_of_the_project() -> None:
    table = project()["project"]
    assert isinstance(table, dict)
    pinned = {canonicalize_name(requirement.name): requirement for requirement in lock()}
    extras = [line for lines in table["optional-dependencies"].values() for line in lines]
    for line in [*table["dependencies"], *extras]:
        wanted = Requirement(line)
        if wanted.name == table["name"]:  # an extra made of others
            continue
        found = pinned[canonicalize_name(wanted.name)]
        version = next(iter(found.specifier)).version
        assert wanted.specifier.contains(version), f"{line} does not allow the locked {version}"
        assert str(found.marker) == str(wanted.marker), f"{found} and {line} are for different machines"


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "arm64"])
def test_every_machine_gets_exactly_one_box2d(system: str, machine: str) -> None:
    table = project()["project"]
    assert isinstance(table, dict)
    builds = [Requirement(line) for line in table["dependencies"] if "box2d" in line]
    machine_facts = {"sys_platform": system, "platform_machine": machine}
    chosen = [build.name for build in builds if build.marker and build.marker.evaluate(machine_facts)]
    assert len(chosen) == 1


def test_runs_holds_nothing_but_its_own_gitignore() -> None:
    rules = (REPOSITORY / "runs" / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert [rule for rule in rules if not rule.startswith("#")] == ["*", "!.gitignore"]


def test_the_changelog_tells_of_this_version() -> None:
    source = (REPOSITORY / "ppo_cli" / "version.py").read_text(encoding="utf-8")
    version = re.search(r'__version__ = "(.+)"', source)
    assert version
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(version[1])}\] - \d{{4}}-\d{{2}}-\d{{2}}$", changelog, re.MULTILINE)
