"""The kernels under sanitizers: no call, whatever it is given, reads or writes what it must not.

Undefined behaviour: by the compiler that builds the kernels. Addresses: that one brings no library for it, so
GCC does, where it is; its builds are slow, and only that, here.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import kernel_fuzz
from helpers.import_graph import REPOSITORY

from ppo_cli.kernels.build import compile_library, kernel_sources
from ppo_cli.kernels.targets import FLAGS, SOURCES, TARGETS, this_target

ROUNDS = 500
needs_compiler = pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs ziglang")


def test_every_entry_point_is_fuzzed() -> None:
    declared = {
        name
        for path in kernel_sources()
        for name in re.findall(r"^EXPORT[^(;]*?(\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert declared
    assert declared == set().union(*kernel_fuzz.FUZZERS.values())


@needs_compiler
@pytest.mark.slow
def test_nothing_is_undefined(tmp_path: Path) -> None:
    library = tmp_path / "undefined.so"
    compile_library(
        this_target(), oldest_level(), kernel_sources(), library, ["-fsanitize=undefined"], ["-lm"]
    )
    fuzz(library)


@pytest.mark.slow
def test_no_address_is_out_of_bounds(tmp_path: Path) -> None:
    if (
        shutil.which("gcc") is None
        or not Path(runtime := output_of("gcc", "-print-file-name=libasan.so")).is_file()
    ):
        pytest.skip("needs GCC with its library for -fsanitize=address")
    library = tmp_path / "address.so"
    machine = ["-march=x86-64-v3"] if oldest_level().startswith("x86") else []
    command = ["gcc", *machine, *FLAGS, "-Wno-psabi", "-g1", "-O1", "-fsanitize=address", "-fPIC", "-shared"]
    subprocess.run([*command, *kernel_sources(), "-lm", "-o", library], check=True, capture_output=True)
    fuzz(library, LD_PRELOAD=runtime, ASAN_OPTIONS="detect_leaks=0", PYTHONMALLOC="malloc")


@needs_compiler
def test_the_sources_compile_without_a_warning(tmp_path: Path) -> None:
    for sources in (kernel_sources(), [SOURCES / "cpu.c"]):
        assert compile_library(this_target(), oldest_level(), sources, tmp_path / "quiet.so") == ""


def oldest_level() -> str:
    """The instruction set that most processors have, as the compiler calls it."""
    return next(iter(TARGETS[this_target()].levels.values()))


def output_of(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def fuzz(library: Path, **environment: str) -> None:
    paths = (str(REPOSITORY), str(REPOSITORY / "tests"))
    program = str(REPOSITORY / "tests" / "helpers" / "kernel_fuzz.py")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment}
    command = [sys.executable, program, str(library), "0", str(ROUNDS)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "reached the end", done.stderr[-3000:]
    assert done.returncode == 0
