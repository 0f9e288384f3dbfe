"""Diagnoses while a population trains: each said once, when it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ppo_cli.config.schema import RunConfig
from ppo_cli.diagnosis.diagnose import diagnose_run
from ppo_cli.runs.run_dir import RunDir

LOOKS = 10
"""How often it is looked, evenly over the training. Reading what was logged takes thousandths of a second."""

MOST_RUNS = 5
"""Of a large population, so many members are looked at."""


class Watched(Protocol):
    """A member that trains: its settings and its folder."""

    @property
    def config(self) -> RunConfig:
        """Its settings."""

    @property
    def run_dir(self) -> RunDir | None:
        """Its folder, if it has one."""

    @property
    def name(self) -> str:
        """What it is called."""


class Watch:
    """Looks at the logs of a population now and then.

    Args:
        members: The population.
    """

    def __init__(self, members: Sequence[Watched]) -> None:
        self._members = [member for member in members if member.run_dir is not None][:MOST_RUNS]
        self._several = len(members) > 1
        self._num_iterations = members[0].config.num_iterations
        self._looked = 0
        self._said: set[str] = set()

    def __call__(self, iteration: int) -> list[str]:
        """What is new, in sentences, after an iteration; none where it is not time to look.

        The end of the training says all there is, so nothing is said there.
        """
        look = LOOKS * iteration // self._num_iterations
        if look <= self._looked or iteration >= self._num_iterations:
            return []
        self._looked = look
        messages = []
        for member in self._members:
            for finding in diagnose_run(member.run_dir, member.config) if member.run_dir else ():
                if finding.name not in self._said:
                    self._said.add(finding.name)
                    who = f"{member.name}: " if self._several else ""
                    messages.append(f"{who}{finding.message}")
        return messages
