"""A job: what one worker trains at a time. Its runs share a program, so they are one population."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppo_cli.config.identity import differing
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.values import flat_settings


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


Tell = Callable[[Mapping[str, Any]], None]
"""Takes what a job reports: ``{"kind": "progress", "runs": {name: ...}, "notices": [...]}``."""

RunJob = Callable[[Job, Tell, Callable[[], bool]], Mapping[str, Any]]
"""Does a job, asking often whether to stop; see :func:`ppo_cli.sweeps.work.run_job.run_job`."""


def _difference(base: RunConfig, other: RunConfig) -> dict[str, Any]:
    """The settings of ``other`` that are not those of ``base``, by path."""
    differences = differing(flat_settings(other), flat_settings(base))
    return {path: value for path, (value, _) in differences.items()}
