"""Jobs: what one worker trains at a time. The runs of a job share a program, so they are one population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppo_cli.config.identity import differing, static_key
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.values import flat_settings
from ppo_cli.prepare.footprint import memory_bytes

MAX_MEMBERS = 64
"""The most members of one population: beyond it a member costs no less time (docs/results/speed.md)."""


@dataclass(frozen=True)
class JobRun:
    """A run to train.

    Attributes:
        name: Its folder in the sweep's folder.
        config: Its settings.
    """

    name: str
    config: RunConfig


@dataclass(frozen=True)
class Job:
    """Runs that one worker trains together.

    Attributes:
        id: Its number in this session, ``"0003"``.
        folder: The sweep's folder, absolute.
        runs: The runs.
        until: Stop with a checkpoint after this iteration, for a rung; None trains to the end.
        probe: Measure how long an iteration takes instead, and write nothing.
        cores: Processor cores to use; empty for any.
        command: The command line, for the summaries.
        env_requested: The environment id that the user typed.
        allow_import: Whether the runs may import the user modules that they name.
    """

    id: str
    folder: Path
    runs: tuple[JobRun, ...]
    until: int | None = None
    probe: bool = False
    cores: tuple[int, ...] = ()
    command: str = ""
    env_requested: str = ""
    allow_import: bool = False

    def to_json(self) -> dict[str, Any]:
        """The job as JSON data, for a worker in another process or on another machine.

        Runs of one job differ in little: the first one's settings are written whole, of the others the
        differences.
        """
        base = self.runs[0].config
        runs = [{"name": run.name, "differs": _difference(base, run.config)} for run in self.runs]
        fields = ("id", "until", "probe", "command", "env_requested", "allow_import")
        own = {name: getattr(self, name) for name in fields}
        place = {"folder": str(self.folder), "cores": list(self.cores)}
        return own | place | {"base": base.model_dump(mode="json"), "runs": runs}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        """The job that :meth:`to_json` wrote."""
        base = RunConfig.model_validate(data["base"], strict=False)
        runs = tuple(JobRun(run["name"], with_values(base, run["differs"])) for run in data["runs"])
        fields = ("id", "until", "probe", "command", "env_requested", "allow_import")
        own = {name: data[name] for name in fields}
        return cls(folder=Path(data["folder"]), runs=runs, cores=tuple(data["cores"]), **own)


def split_jobs(
    runs: Sequence[JobRun], slots: int, max_members: int, max_bytes: int
) -> list[tuple[JobRun, ...]]:
    """Cut runs into populations: equal static settings, every slot with work, none too large.

    Args:
        runs: The runs, in any order.
        slots: Populations that are trained side by side.
        max_members: The most members of one.
        max_bytes: The most memory that one may take, by estimate.

    Returns:
        The largest first, which keeps the slots busy to the end.
    """
    groups: dict[str, list[JobRun]] = {}
    for run in runs:
        groups.setdefault(static_key(run.config), []).append(run)
    total = sum(map(_work, groups.values()))
    found: list[tuple[JobRun, ...]] = []
    for group in groups.values():
        at_once = max(1, min(max_members, max_bytes // memory_bytes(group[0].config)))
        share = slots * _work(group) / total  # slots that this group would keep busy
        parts = max(-(-len(group) // at_once), min(len(group), round(share)), 1)
        found += [tuple(group[len(group) * i // parts : len(group) * (i + 1) // parts]) for i in range(parts)]
    return sorted(found, key=_work, reverse=True)


def _work(runs: Sequence[JobRun]) -> int:
    """Environment steps of some runs together."""
    return sum(run.config.total_timesteps for run in runs)


def _difference(base: RunConfig, other: RunConfig) -> dict[str, Any]:
    """The settings of ``other`` that are not those of ``base``, by path."""
    differences = differing(flat_settings(other), flat_settings(base))
    return {path: value for path, (value, _) in differences.items()}
