"""Members and populations: which runs can be trained by one program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ppo_cli.config.identity import static_key
from ppo_cli.config.schema import RunConfig
from ppo_cli.runs.checkpoints import Checkpoint
from ppo_cli.runs.run_dir import RunDir


@dataclass(frozen=True)
class Member:
    """A run being trained: a config and a seed, with the folder that it writes.

    Attributes:
        config: Its settings.
        run_dir: Its folder, or None to train without writing anything.
        checkpoint: Where it goes on, or None at the start.
        command: The command line that started it, for the summary.
        env_requested: The environment id that the user typed.
    """

    config: RunConfig
    run_dir: RunDir | None = None
    checkpoint: Checkpoint | None = None
    command: str = ""
    env_requested: str = ""

    @property
    def name(self) -> str:
        """The run's name, or its seed where it has no folder."""
        return self.run_dir.name if self.run_dir else f"seed {self.config.seed}"

    @property
    def iteration(self) -> int:
        """Iterations already done."""
        return self.checkpoint.iteration if self.checkpoint else 0


@dataclass(frozen=True)
class Population:
    """Members that share one program: equal static settings, equal iteration.

    Attributes:
        members: One or more.
        notices: What the user should know before training starts.
    """

    members: tuple[Member, ...]
    notices: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse members that cannot share a program."""
        keys = {(static_key(member.config), member.iteration) for member in self.members}
        if len(keys) != 1:
            raise ValueError(
                f"a population needs members with one static half and one iteration, got {len(keys)}"
            )

    @property
    def config(self) -> RunConfig:
        """The settings of the first member, for the static half that all share."""
        return self.members[0].config


def plan(members: Sequence[Member]) -> list[Population]:
    """Group members by what makes them one program, in the order of their first member."""
    groups: dict[tuple[str, int], list[Member]] = {}
    for member in members:
        groups.setdefault((static_key(member.config), member.iteration), []).append(member)
    return [Population(tuple(group)) for group in groups.values()]
