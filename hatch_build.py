"""What hatch asks while it builds a wheel: compiled kernels go into it, and its name says for which platform.

Without a compiler the wheel is for all platforms, and what was installed from it computes with torch. With
PPO_WHEEL_TARGET it is for that platform or not built at all.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelsHook(BuildHookInterface[Any]):
    """Builds the kernels and puts them into the wheel."""

    def dependencies(self) -> list[str]:
        """The compiler where kernels are a must; elsewhere what lacks one is installed without them."""
        return ["ziglang>=0.15"] if os.environ.get("PPO_WHEEL_TARGET") else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatch: called before the wheel is filled.

        Args:
            version: ``standard``, or ``editable``: then the libraries are used where they are built.
            build_data: What hatch is to do.
        """
        sys.path.insert(0, self.root)
        from ppo_cli.kernels.build import BuildError, build
        from ppo_cli.kernels.targets import TARGETS, library_paths, this_target

        wanted = os.environ.get("PPO_WHEEL_TARGET")
        target = wanted or this_target()
        try:
            build(target)
        except BuildError as error:
            if wanted:
                raise
            self.app.display_warning(f"No compiled kernels, torch will do the work: {error}")
            return
        if version == "editable":
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{TARGETS[target].wheel}"
        for path in library_paths(target):
            build_data["force_include"][str(path)] = path.relative_to(self.root).as_posix()
