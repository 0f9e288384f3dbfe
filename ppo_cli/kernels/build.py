"""Compile the kernels: ``python -m ppo_cli.kernels.build``, for this machine or for others.

The compiler is the package ``ziglang`` (clang for every platform, with their C libraries; needed only here)
or the system's clang. GCC is refused: what it makes of the kernels' vectors is five to ten times slower.

This module needs nothing but Python's own library: the build of a wheel runs it where nothing is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ppo_cli.kernels.targets import (
    CPU,
    FLAGS,
    LIBRARIES,
    LINK,
    SOURCES,
    TARGETS,
    library_path,
    library_paths,
    this_target,
)

# The oldest processor of a kind, for the library that says what newer ones can do.
_OLDEST = {"x86-64-v3": "x86_64", "arm64": "generic"}


class BuildError(Exception):
    """No library was built; the message says why and what to do."""


def build(target: str, *, flags: Sequence[str] = ()) -> bool:
    """Build a platform's libraries unless they are there.

    Args:
        target: One of :data:`~ppo_cli.kernels.targets.TARGETS`.
        flags: More flags for the compiler.

    Returns:
        Whether there was anything to build.

    Raises:
        BuildError: There is no compiler, or it failed.
    """
    if all(path.is_file() for path in library_paths(target)):
        return False
    folder = LIBRARIES / target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=folder) as made:
            _compile(target, Path(made), flags)
            for path in library_paths(target):
                os.replace(Path(made) / path.name, path)
        _remove_others(target)
    except OSError as error:
        raise BuildError(f"{folder} cannot be written: {error.strerror}") from error
    return True


def compiler_command(target: str) -> list[str]:
    """The compiler, as far as it does not depend on what is compiled.

    Raises:
        BuildError: There is none for this platform.
    """
    if target not in TARGETS:
        raise BuildError(f"there are no kernels for {target}, only for {', '.join(TARGETS)}")
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc", "-target", TARGETS[target].triple]
    clang = shutil.which("clang")
    if clang is not None and target == this_target():
        return [clang]
    raise BuildError(
        "there is no compiler for the kernels: pip install ziglang (clang will do, GCC will not)"
    )


def compile_library(
    target: str,
    cpu: str,
    sources: Sequence[Path],
    output: Path,
    flags: Sequence[str] = (),
    libraries: Sequence[str] | None = None,
) -> str:
    """Compile one library, its files side by side.

    Args:
        target: One of :data:`~ppo_cli.kernels.targets.TARGETS`.
        cpu: The processor, as ziglang calls it.
        sources: The C files.
        output: The library; its folder is used for what lies between.
        flags: More flags, for compiling and linking.
        libraries: What it is linked with; None for the C library.

    Returns:
        The compiler's warnings.

    Raises:
        BuildError: There is no compiler, or it failed.
    """
    compiler = [*compiler_command(target), *flags]
    objects = [output.with_name(f"{output.stem}-{path.stem}.o") for path in sources]
    commands = [
        [*compiler, _processor(target, cpu), *FLAGS, "-fPIC", "-c", str(path), "-o", str(made)]
        for path, made in zip(sources, objects, strict=True)
    ]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        said = list(pool.map(lambda command: _run(command, output.parent), commands))
    needed = TARGETS[target].libraries if libraries is None else libraries
    # Without the processor: what the compiler adds of its own is then built once for all of them.
    said.append(_run([*compiler, *LINK, *map(str, objects), *needed, "-o", str(output)], output.parent))
    return "".join(said)


def kernel_sources() -> list[Path]:
    """The C files of a library of kernels."""
    return sorted(path for path in SOURCES.glob("*.c") if path.stem != CPU)


def _processor(target: str, cpu: str) -> str:
    """The flag that names the processor."""
    if importlib.util.find_spec("ziglang") is not None:
        return f"-mcpu={cpu}"
    if cpu.startswith("x86_64"):
        return f"-march={cpu.replace('_v', '-v').replace('x86_64-', 'x86-64-').replace('x86_64', 'x86-64')}"
    return f"-mcpu={cpu.replace('_', '-')}"


def _run(command: Sequence[str], folder: Path) -> str:
    environment = {"ZIG_GLOBAL_CACHE_DIR": str(folder / "cache"), **os.environ}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise BuildError(f"the compiler failed:\n{' '.join(command)}\n{done.stderr.strip()}")
    return done.stderr


def _compile(target: str, folder: Path, flags: Sequence[str]) -> None:
    """All libraries of a platform."""
    levels = TARGETS[target].levels
    for level, cpu in levels.items():
        compile_library(target, cpu, kernel_sources(), folder / library_path(target, level).name, flags)
    cpu = _OLDEST[next(iter(levels))]
    compile_library(target, cpu, [SOURCES / f"{CPU}.c"], folder / library_path(target, CPU).name, flags)


def _remove_others(target: str) -> None:
    """Remove the libraries of former sources; on Windows those in use stay."""
    keep = set(library_paths(target))
    for path in (LIBRARIES / target).glob(f"*{TARGETS[target].suffix}"):
        if path not in keep:
            try:
                path.unlink()
            except OSError:
                continue


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; says on one line for each platform what was done.

    Returns:
        The exit status: 1 when a library is missing at the end.
    """
    parser = argparse.ArgumentParser(
        prog="python -m ppo_cli.kernels.build", description=__doc__.splitlines()[0]
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--target", choices=TARGETS, help="the platform to build for (default: this machine)")
    which.add_argument("--all", action="store_true", help="build for all platforms")
    options = parser.parse_args(arguments)
    failed = False
    for target in TARGETS if options.all else [options.target or this_target()]:
        start = time.perf_counter()
        try:
            built = build(target)
        except BuildError as error:
            failed = True
            print(f"No compiled kernels for {target}, torch does the work there: {error}", file=sys.stderr)
            continue
        levels = ", ".join(TARGETS[target].levels)
        how = f"built in {time.perf_counter() - start:.1f} s" if built else "up to date"
        print(f"Kernels for {target} ({levels}): {how}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
