"""The kernels are built once for their sources, whole or not at all, and not by just any compiler."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.import_graph import REPOSITORY

from ppo_cli.kernels import build as build_module
from ppo_cli.kernels import targets
from ppo_cli.kernels.build import BuildError, build, compiler_command, main
from ppo_cli.kernels.targets import TARGETS, library_paths, sources_hash, this_target

needs_compiler = pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs ziglang")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Libraries go into a folder of the test."""
    for module in (targets, build_module):
        monkeypatch.setattr(module, "LIBRARIES", tmp_path / "lib")
    return tmp_path / "lib"


@needs_compiler
def test_a_build_is_whole_and_made_once(elsewhere: Path) -> None:
    target = this_target()
    folder = elsewhere / target
    folder.mkdir(parents=True)
    former = folder / f"cpu-{'0' * 12}{TARGETS[target].suffix}"
    former.write_text("of former sources")
    assert build(target)
    made = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert set(made) == set(library_paths(target))
    assert not build(target)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == made


@needs_compiler
def test_a_build_that_fails_leaves_nothing_and_says_why(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "wrong.c").write_text("int wrong = ;")
    monkeypatch.setattr(build_module, "kernel_sources", lambda: [tmp_path / "wrong.c"])
    with pytest.raises(BuildError, match="expected expression"):
        build(this_target())
    assert list((elsewhere / this_target()).iterdir()) == []


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_every_platform_can_be_built_for(elsewhere: Path, target: str) -> None:
    assert build(target)
    magic = {".so": b"\x7fELF", ".dylib": b"\xcf\xfa\xed\xfe", ".dll": b"MZ"}[TARGETS[target].suffix]
    assert all(path.read_bytes().startswith(magic) for path in library_paths(target))


def test_without_a_compiler_the_command_says_what_to_do(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_module.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(build_module.shutil, "which", lambda name: "/usr/bin/gcc" if name == "gcc" else None)
    assert main([]) == 1
    error = capsys.readouterr().err
    assert "torch does the work there" in error and "pip install ziglang" in error


def test_the_systems_clang_builds_for_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_module.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(build_module.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert compiler_command(this_target()) == ["/usr/bin/clang"]
    other = next(target for target in TARGETS if target != this_target())
    with pytest.raises(BuildError, match="no compiler"):
        compiler_command(other)


def test_a_platform_without_kernels_is_said() -> None:
    with pytest.raises(BuildError, match="no kernels for plan9-mips"):
        compiler_command("plan9-mips")


def test_any_change_of_the_sources_is_another_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(targets, "SOURCES", tmp_path)
    hashes = set()
    for name, text in (("a.c", ""), ("a.c", "int a;"), ("b.h", "int a;"), ("b.h", "int b;")):
        (tmp_path / name).write_text(text)
        hashes.add(sources_hash())
    assert len(hashes) == 4


def test_the_builder_needs_no_library(tmp_path: Path) -> None:
    """The build of a wheel runs it in an environment that has none of ours."""
    code = "from ppo_cli.kernels.build import compiler_command; import sys; sys.exit('numpy' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
