"""The platforms that there are kernels for, and where their libraries lie.

Libraries lie in ``lib/TARGET/``, one for each instruction set, and one that says which of them a processor
has. The hash of the sources is part of a library's name. So what lies there is never of other sources; what
another process has loaded is never overwritten; and of two processes that build at once both are right.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = HERE / "c"
LIBRARIES = HERE / "lib"
CPU = "cpu"
"""The name of the library that says what a processor can do."""

# No contraction: which products are fused with sums is written in the sources, and part of the results.
FLAGS = (
    *("-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
    *("-fvisibility=hidden", "-Wall", "-Wextra"),
)
LINK = ("-shared", "-s")


@dataclass(frozen=True)
class Target:
    """A platform.

    Attributes:
        triple: Clang's name for it, with the oldest system that it runs on.
        suffix: How the name of a library ends.
        wheel: The platform's name in wheels.
        levels: For each instruction set what clang calls it.
        libraries: How the C library is linked.
    """

    triple: str
    suffix: str
    wheel: str
    levels: dict[str, str]
    libraries: tuple[str, ...]


_INTEL = {"x86-64-v3": "x86_64_v3", "x86-64-v4": "x86_64_v4"}
# Only what is needed, which the compiler otherwise builds from its sources first (6 of 8 seconds).
_GLIBC = ("-nostdlib", "-lm", "-lc", "-Wl,-z,defs")
_LIBM = ("-lm",)
_ARM = {"arm64": "generic"}
_APPLE = {"arm64": "apple_m1"}
TARGETS = {
    "linux-x86_64": Target("x86_64-linux-gnu.2.28", ".so", "manylinux_2_28_x86_64", _INTEL, _GLIBC),
    "linux-aarch64": Target("aarch64-linux-gnu.2.28", ".so", "manylinux_2_28_aarch64", _ARM, _GLIBC),
    "macos-x86_64": Target("x86_64-macos.11.0", ".dylib", "macosx_11_0_x86_64", _INTEL, _LIBM),
    "macos-arm64": Target("aarch64-macos.11.0", ".dylib", "macosx_11_0_arm64", _APPLE, _LIBM),
    "windows-x86_64": Target("x86_64-windows-gnu", ".dll", "win_amd64", _INTEL, ()),
}


def this_target() -> str:
    """The name of this machine's platform, in :data:`TARGETS` or not."""
    system = {"Darwin": "macos"}.get(platform.system(), platform.system().lower())
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return f"{system}-{machine}"


def sources_hash() -> str:
    """Of all sources and of how they are compiled, 12 hexadecimal digits."""
    digest = hashlib.sha256(repr((FLAGS, LINK, TARGETS)).encode())
    for path in sorted(SOURCES.glob("*.[ch]")):
        digest.update(f"{path.name}\0".encode() + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:12]


def library_path(target: str, level: str) -> Path:
    """Where the library of these sources is or would be.

    Args:
        target: One of :data:`TARGETS`.
        level: One of its instruction sets, or ``cpu`` for the library that says which a processor has.
    """
    return LIBRARIES / target / f"{level}-{sources_hash()}{TARGETS[target].suffix}"


def library_paths(target: str) -> list[Path]:
    """All libraries that belong to a platform, whether they are there or not."""
    return [library_path(target, level) for level in (CPU, *TARGETS[target].levels)]
