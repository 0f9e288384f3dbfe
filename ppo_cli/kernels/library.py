"""The library of kernels for this machine: found, loaded, and tried before it is trusted.

``PPO_KERNELS`` chooses: an instruction set (``x86-64-v3``), or ``off``; nobody has to set it.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ppo_cli.kernels.signatures import declare
from ppo_cli.kernels.targets import CPU, TARGETS, library_path, sources_hash, this_target
from ppo_cli.kernels.verdicts import remembered

VARIABLE = "PPO_KERNELS"
OFF = "off"
FAILED = "not used here"
"""How the reason begins when there is a library that computes something wrong."""
# cpu_level() in c/cpu.c, for each instruction set the least.
_NEEDS = {"x86-64-v3": 3, "x86-64-v4": 4, "arm64": 1}


@dataclass(frozen=True)
class Library:
    """A library of kernels that works here.

    Attributes:
        functions: Its functions, for ctypes.
        instruction_set: ``x86-64-v4`` (AVX-512), ``x86-64-v3`` (AVX2) or ``arm64``. All give the same bits.
        sources: The hash of the sources that it was built from.
        key: What verdicts about it depend on: the library itself, processor, system and NumPy.
    """

    functions: ctypes.CDLL
    instruction_set: str
    sources: str
    key: str


def available() -> Library | str:
    """The library to use, or why there is none, in words. After the first call it costs nothing."""
    return _available(os.environ.get(VARIABLE, ""))


def loaded_kernels() -> ctypes.CDLL:
    """The functions of the library.

    Raises:
        OSError: There is none; :func:`available` says why.
    """
    library = available()
    if isinstance(library, str):
        raise OSError(f"no compiled kernels: {library}")
    return library.functions


def missing_kernels() -> str | None:
    """Why this machine has no compiled kernels, in words; None when it has."""
    library = available()
    return f"this machine has no compiled kernels: {library}" if isinstance(library, str) else None


@lru_cache
def _available(choice: str) -> Library | str:
    target = this_target()
    if choice == OFF:
        return f"switched off by {VARIABLE}={OFF}"
    if target not in TARGETS:
        return f"there are none for {target}"
    levels = TARGETS[target].levels
    if choice not in ("", *levels):
        return f"{VARIABLE}={choice}: choose from {', '.join((OFF, *levels))}"
    try:
        return _best([choice] if choice else list(reversed(levels)))
    except OSError as error:
        return f"the library cannot be loaded: {error}"


def build_path(level: str) -> Path:
    """Where the build for an instruction set of this machine lies, if it was made."""
    return library_path(this_target(), level)


def usable(levels: list[str], cpu: ctypes.CDLL) -> list[str]:
    """Those of the instruction sets that this processor has.

    Args:
        levels: Names of instruction sets.
        cpu: The library of ``c/cpu.c``.
    """
    return [level for level in levels if _NEEDS[level] <= cpu.cpu_level()]


def _best(levels: list[str]) -> Library | str:
    """The first of these instruction sets that the processor has."""
    missing = [path for path in map(build_path, (CPU, *levels)) if not path.is_file()]
    if missing:
        return f"not built ({missing[0].name} is missing): python -m ppo_cli.kernels.build"
    cpu = ctypes.CDLL(str(build_path(CPU)))
    chosen = next(iter(usable(levels, cpu)), None)
    if chosen is None:
        return f"this processor does not have {' or '.join(levels)}"
    return _tried(build_path(chosen), chosen, cpu)


def _tried(path: Path, level: str, cpu: ctypes.CDLL) -> Library | str:
    """The library, if it passes its test here."""
    functions = ctypes.CDLL(str(path))
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    processor = f"{platform.machine()} {cpu.cpu_model():x} {cpu.cpu_level()}"
    system = f"{platform.system()} {platform.release()} {_c_library()}"
    key = f"{content} on {processor}, {system}, with numpy {np.__version__}"
    wrong = remembered(key, lambda: _complaint(functions))
    return f"{FAILED}: {wrong}" if wrong else Library(declare(functions), level, sources_hash(), key)


def _complaint(functions: ctypes.CDLL) -> str:
    from ppo_cli.kernels.self_test import complaint  # what it needs, few processes do

    return complaint(functions)


def _c_library() -> str:
    """Whose sin, cos and pow they are, where that can be had at once."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""
