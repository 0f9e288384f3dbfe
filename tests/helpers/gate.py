"""A gate that holds trainings in the middle of an iteration until a test has done what it has to do then."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym

from helpers.gated_env import STOPPING
from helpers.ppo_process import PpoProcess

GATED, GATED_PICTURES = "gated:Gated-v0", "gated:GatedPictures-v0"
_MODULE = """
from helpers.gated_env import register

register(__file__, after={after})
"""


class Gate:
    """The gate of a folder, and a module of the user's with environments that go through it.

    Attributes:
        folder: Where the module is found (``import_from``).

    Args:
        folder: See above.
        after: How many steps each process takes before it comes to the gate. (For ``GATED_PICTURES``: how
            many pictures it draws.)
        closed: Whether it is closed.
    """

    def __init__(self, folder: Path, after: int, *, closed: bool = True) -> None:
        self.folder = folder
        (folder / "gated.py").write_text(_MODULE.format(after=after))
        if closed:
            (folder / "closed").touch()

    def open(self) -> None:
        """Let all go on."""
        (self.folder / "closed").unlink(missing_ok=True)

    @property
    def held(self) -> set[int]:
        """The processes that have come to it while it was closed."""
        return {int(path.name.removeprefix("held-")) for path in self.folder.glob("held-*")}

    def looks(self, pid: int) -> str:
        """What a process has seen each time it looked whether it may go on."""
        return (self.folder / f"held-{pid}").read_text()

    def wait_until_held(self, process: PpoProcess, number: int = 1) -> None:
        """Wait until so many processes are held: a command, or the workers of a sweep."""
        assert process.wait_until(lambda: len(self.held) >= number), process.wait().stderr

    def wait_until_stopping(self, process: PpoProcess) -> None:
        """Wait until every training that is held here would stop if it asked: it does when the gate opens."""

        def all_would() -> bool:
            return all(self.looks(pid).endswith(STOPPING) for pid in held)

        held = self.held
        assert held and process.wait_until(all_would), process.wait().stderr

    def wait_until_noticed(self, process: PpoProcess) -> None:
        """Wait until a process that is held itself has handled the signals sent to it before."""
        before = len(self.looks(process.pid))
        assert process.wait_until(lambda: len(self.looks(process.pid)) > before + 2), process.wait().stderr

    @contextlib.contextmanager
    def importable(self) -> Iterator[None]:
        """Let this process find the module while the block runs, and forget it afterwards."""
        sys.path.insert(0, str(self.folder))
        try:
            yield
        finally:
            sys.path.remove(str(self.folder))
            sys.modules.pop("gated", None)
            for env_id in (GATED, GATED_PICTURES):
                gym.registry.pop(env_id.partition(":")[2], None)
