"""A session of a sweep with all that it needs: the folder locked, an executor open, resources dealt out."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ppo_cli.sweeps.choose.next_points import with_all_points
from ppo_cli.sweeps.folder.sweep_dir import SweepDir
from ppo_cli.sweeps.folder.sweep_yaml import dump_spec
from ppo_cli.sweeps.plan.estimate import estimate, probes_in
from ppo_cli.sweeps.plan.plan import Plan
from ppo_cli.sweeps.plan.populations import cut_into_populations
from ppo_cli.sweeps.plan.resources import Resources, deal
from ppo_cli.sweeps.running.runner import Invocation, SweepRunner
from ppo_cli.sweeps.spec.consent import imports_of_spec
from ppo_cli.sweeps.spec.planned_runs import planned_runs
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec
from ppo_cli.sweeps.work.executor import Executor
from ppo_cli.sweeps.work.registry import ExecutorOptions, open_executor

Stop = Callable[[], bool]


@dataclass(frozen=True)
class SessionOptions:
    """Options of training a sweep; no result depends on them.

    Attributes:
        executor: Who trains.
        max_members: The most runs of a population; None for the default.
        max_memory: Gigabytes for all populations together; None for half of what is free.
        allow_import: Whether the runs may import the user modules that they name.
        retry_failed: Whether to try again what diverged or failed.
    """

    executor: ExecutorOptions = field(default_factory=ExecutorOptions)
    max_members: int | None = None
    max_memory: float | None = None
    allow_import: bool = False
    retry_failed: bool = False

    def resources(self, slots: int) -> Resources:
        """Deal out cores and memory to the populations."""
        pinned = self.executor.pins_cores
        return deal(slots, pinned=pinned, max_members=self.max_members, max_memory=self.max_memory)

    def imports(self, spec: SweepSpec) -> bool:
        """Whether workers may import what a sweep names: it was agreed to, or its session would not begin."""
        return self.allow_import or bool(imports_of_spec(spec))


@dataclass(frozen=True)
class Session:
    """An open session.

    Attributes:
        runner: Trains what is missing.
        executor: Who trains.
        resources: What the populations may use.
        options: How it is trained.
        stop: Whether a stop was asked for.
    """

    runner: SweepRunner
    executor: Executor
    resources: Resources
    options: SessionOptions
    stop: Stop

    def plan(self) -> Plan | None:
        """Plan what is left to train, with a measured estimate; None when nothing is left."""
        populations, spec = self.runner.missing(), self.runner.spec
        if not populations:
            return None
        folder = self.runner.folder.path.absolute()
        make_probe = probes_in(folder, spec, allow_import=self.options.imports(spec))
        share_done = self.runner.standings.share_done
        core_sets = self.resources.core_sets
        cost = estimate(populations, self.executor, core_sets, make_probe, self.stop, share_done)
        return Plan(spec, populations, cost, folder)


@contextlib.contextmanager
def open_session(
    folder: SweepDir, spec: SweepSpec, options: SessionOptions, command: str, stop: Stop
) -> Iterator[Session]:
    """Be the one session of a sweep while the block runs.

    Args:
        folder: Its folder.
        spec: What is swept, which is written into the folder.
        options: How it is trained.
        command: The command line, for the runs' summaries.
        stop: Whether a stop was asked for.

    Raises:
        RunLockedError: Another process runs this sweep.
        StorageError: The folder cannot be written.
        UsageError: There is no such executor, or it cannot be had.
    """
    with folder.lock(), open_executor(options.executor, folder.path) as executor:
        resources = options.resources(executor.slots)
        invocation = Invocation(command, options.imports(spec))
        runner = SweepRunner(
            folder, spec, executor, resources, invocation, stop, retry_failed=options.retry_failed
        )
        folder.write_spec(dump_spec(spec))
        runner.take_up()
        yield Session(runner, executor, resources, options, stop)


def dry_run(spec: SweepSpec, options: SessionOptions, stop: Stop) -> Plan:
    """Plan and measure a whole sweep, without leaving anything behind.

    Args:
        spec: What is to be swept.
        options: How it would be trained.
        stop: Whether a stop was asked for.

    Raises:
        UsageError: Optuna is missing, or the executor cannot be had.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ppo-sweep-") as scratch,
        open_executor(options.executor, Path(scratch)) as executor,
    ):
        resources = options.resources(executor.slots)
        spec = with_all_points(spec)
        populations = cut_into_populations(planned_runs(spec), resources)
        make_probe = probes_in(Path(scratch), spec, allow_import=options.imports(spec))
        cost = estimate(populations, executor, resources.core_sets, make_probe, stop)
        return Plan(spec, populations, cost, Path(scratch))
