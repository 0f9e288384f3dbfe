"""The session behind ``ppo sweep``: open the folder, estimate, run with a view, tell the results."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.cli.terminal.output import print_json
from ppo_cli.cli.terminal.signals import Stop
from ppo_cli.errors import StorageError, SweepFailedError, UsageError
from ppo_cli.report.console import is_unicode, stderr_console, stdout_console
from ppo_cli.report.numbers import count, duration, size
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from ppo_cli.sweep.estimate import Estimate
    from ppo_cli.sweep.results.sweep_dir import SweepDir
    from ppo_cli.sweep.runner import Resources, SweepRunner
    from ppo_cli.sweep.spec.spec import SweepSpec
    from ppo_cli.sweep.work.executor import Executor
    from ppo_cli.sweep.work.jobs import JobRun

_GB = 2**30
_SHOWN_POINTS = 12


class Sweeping:
    """One ``ppo sweep``.

    Args:
        runs_dir: The directory of all runs and sweeps.
        stop: Whether a signal asked for a stop.
        words: The command line after ``ppo``.
        executor: ``local`` or ``ray``.
        ray_address: The Ray cluster, or None to start one.
        workers: Populations side by side; None for one per core.
        max_members: The most runs of a population, or None.
        max_memory: Gigabytes for all populations together, or None for half of what is free.
        timeout: Seconds after which a silent worker is replaced.
        allow_import: Whether the runs may import the user modules that they name.
        retry_failed: Whether to try again what diverged or failed.
        quiet: Whether to show no progress, and to skip the estimate.
        as_json: Whether the result is a JSON document.
    """

    def __init__(
        self,
        runs_dir: Path,
        stop: Stop,
        *,
        words: Sequence[str],
        executor: str,
        ray_address: str | None,
        workers: int | None,
        max_members: int | None,
        max_memory: float | None,
        timeout: float,
        allow_import: bool,
        retry_failed: bool,
        quiet: bool,
        as_json: bool,
    ) -> None:
        if executor not in ("local", "ray"):
            raise UsageError(
                f"--executor {executor[:60]!r} is not known", hint="local or ray", key="executor"
            )
        self._runs_dir = runs_dir
        self._stop = stop
        self._command = shlex.join(["ppo", *words])
        self._executor_name = executor
        self._ray_address = ray_address
        self._workers = workers
        self._max_members = max_members
        self._max_memory = max_memory
        self._timeout = timeout
        self._allow_import = allow_import
        self._retry_failed = retry_failed
        self._quiet = quiet
        self._as_json = as_json

    def begin(self, spec: SweepSpec, name: str | None, notices: Sequence[str]) -> int:
        """Run a sweep, in a new folder or in the one that it goes on in; the exit code."""
        from ppo_cli.sweep.choose.search import check_installed
        from ppo_cli.sweep.opening import open_sweep
        from ppo_cli.sweep.trying import try_environments

        if spec.search != "grid":
            check_installed()
        try_environments(spec)
        folder, spec, more = open_sweep(spec, self._runs_dir, name)
        return self._run(folder, spec, [*notices, *more])

    def resume(self, ref: str) -> int:
        """Go on with a sweep as its ``sweep.yaml`` says; the exit code."""
        from ppo_cli.sweep.results.sweep_dir import find_sweep
        from ppo_cli.sweep.spec.consent import agree_to_spec
        from ppo_cli.sweep.spec.spec_file import read_spec

        folder = find_sweep(self._runs_dir, ref)
        spec = read_spec(folder.spec_path)
        agree_to_spec(spec, allow_import=self._allow_import)
        return self._run(folder, spec, [])

    def dry_run(self, spec: SweepSpec, name: str | None, notices: Sequence[str]) -> int:
        """Show what a sweep would take; the exit code."""
        from ppo_cli.sweep.choose.asking import begins_with, expected
        from ppo_cli.sweep.opening import default_name
        from ppo_cli.sweep.results.reading import planned_runs
        from ppo_cli.sweep.runner import populations_of
        from ppo_cli.sweep.trying import try_environments

        try_environments(spec)
        with (
            tempfile.TemporaryDirectory(prefix="ppo-sweep-") as scratch,
            self._executor(Path(scratch)) as executor,
        ):
            resources = self._resources(executor)
            spec = expected(spec)
            parts = populations_of(planned_runs(spec), executor.slots, resources)
            found = self._estimate(parts, executor, resources, Path(scratch), spec)
        points = spec.points()[: begins_with(spec)]
        runs = sum(len(part) for part in parts)
        document = {
            "sweep_dir": str(self._runs_dir / (name or default_name(spec))),
            "points": [point.to_json() for point in points],
            "num_runs": runs,
            "populations": [len(part) for part in parts],
            "seeds": list(spec.seeds),
            "total_timesteps": found.steps,
            "seconds": found.seconds,
            "disk_bytes": found.disk,
            "memory_bytes": found.memory,
            "notices": list(notices),
        }
        if self._as_json:
            print_json(document)
            return 0
        console = stderr_console()
        for message in notices:
            console.print(clean(message), soft_wrap=True)
        for point in points[:_SHOWN_POINTS]:
            console.print(f"  {clean(point.text)}", soft_wrap=True)
        if (more := len(spec.points()) - len(points[:_SHOWN_POINTS])) > 0:
            console.print(f"  and {more} more points")
        console.print(f"dry run: {_plan_text(spec, parts, found)}", soft_wrap=True)
        return 0

    # ------------------------------------------------------------------ running

    def _run(self, folder: SweepDir, spec: SweepSpec, notices: Sequence[str]) -> int:
        from ppo_cli.report.sweep_view import make_sweep_view
        from ppo_cli.sweep.runner import Origin, SweepRunner
        from ppo_cli.sweep.spec.spec_file import dump_spec

        view = make_sweep_view(_title(spec), quiet=self._quiet, stopping=self._stop)
        with folder.lock(), self._executor(folder.path) as executor, self._hint_to_go_on(folder):
            resources = self._resources(executor)
            runner = SweepRunner(
                folder,
                spec,
                executor,
                resources,
                Origin(self._command, self._imports(spec)),
                self._stop,
                retry_failed=self._retry_failed,
            )
            folder.write_spec(dump_spec(spec))
            self._tell_estimate(runner, executor, resources, notices)
            view.start()
            try:
                for report in runner.run():
                    view.update(report)
            finally:
                view.stop()
            return self._show(runner)

    @contextlib.contextmanager
    def _hint_to_go_on(self, folder: SweepDir) -> Iterator[None]:
        """Say after a full disk how to go on."""
        try:
            yield
        except StorageError as error:
            go_on = f"Then go on: {self._resume_command(folder)}"
            error.hint = f"{error.hint} {go_on}" if error.hint else go_on
            raise

    def _tell_estimate(
        self, runner: SweepRunner, executor: Executor, resources: Resources, notices: Sequence[str]
    ) -> None:
        console = stderr_console()
        for message in notices:
            console.print(clean(message), soft_wrap=True)
        parts = runner.missing()
        if self._quiet or not parts or self._stop():
            return
        folder, done = runner.folder.path.absolute(), runner.board.share_done
        found = self._estimate(parts, executor, resources, folder, runner.spec, done)
        console.print(clean(_plan_text(runner.spec, parts, found)), soft_wrap=True)

    def _estimate(
        self,
        parts: Sequence[tuple[JobRun, ...]],
        executor: Executor,
        resources: Resources,
        folder: Path,
        spec: SweepSpec,
        done: Callable[[str], float] = lambda name: 0.0,
    ) -> Estimate:
        from ppo_cli.sweep.estimate import estimate, probe_job

        make = probe_job(folder, spec.env_requested, self._imports(spec))
        return estimate(parts, executor, resources.core_sets, make, self._stop, done)

    def _imports(self, spec: SweepSpec) -> bool:
        """Whether workers may import what the sweep names: it was agreed to, or we would not be here."""
        from ppo_cli.sweep.spec.consent import imports_of_spec

        return self._allow_import or bool(imports_of_spec(spec))

    @contextlib.contextmanager
    def _executor(self, folder: Path) -> Iterator[Executor]:
        executor: Executor
        if self._executor_name == "ray":
            from ppo_cli.sweep.ray_executor import RayExecutor

            cpus = self._workers if self._ray_address is None else None
            executor = RayExecutor(self._ray_address, folder, hang_timeout=self._timeout, num_cpus=cpus)
        else:
            from ppo_cli.sweep.work.local_executor import LocalExecutor

            executor = LocalExecutor(self._workers or len(_cores()), hang_timeout=self._timeout)
        try:
            yield executor
        finally:
            executor.close()

    def _resources(self, executor: Executor) -> Resources:
        from ppo_cli.sweep.runner import Resources
        from ppo_cli.sweep.work.jobs import MAX_MEMBERS

        slots = executor.slots
        if self._executor_name == "local":
            cores = _cores()
            sets = tuple(
                tuple(cores[len(cores) * i // slots : len(cores) * (i + 1) // slots]) for i in range(slots)
            ) if slots <= len(cores) else ((),) * slots  # fmt: skip
        else:
            sets = ((),) * slots
        total = self._max_memory * _GB if self._max_memory else _free_memory() / 2
        return Resources(sets, self._max_members or MAX_MEMBERS, int(total / slots))

    # ------------------------------------------------------------------ telling

    def _show(self, runner: SweepRunner) -> int:
        from ppo_cli.cli.sweep_results import show_results, write_plots
        from ppo_cli.sweep.results.results import by_point

        folder, document, stopped = runner.folder, runner.summary(), self._stop()
        pictures = [] if stopped else write_plots(runner)
        if self._as_json:
            print_json({**document, "plots": [str(path) for path in pictures]})
        else:
            console = stdout_console()
            show_results(console, document, by_point(runner.runs()), unicode=is_unicode(console))
            for path in (folder.results_path, *pictures):
                console.print(clean(path), soft_wrap=True)
        console = stderr_console()
        for one in document["failed"]:
            console.print(
                clean(f"{one['run']} {one['status']}: {one['reason']}"), style="red", soft_wrap=True
            )
        if stopped:
            console.print("stopped; the checkpoints are saved. To go on:", style="yellow")
            console.print(f"  {clean(self._resume_command(folder))}", soft_wrap=True)
            return self._stop.exit_code
        if not self._as_json and not self._quiet:
            console.print("next:", style="dim")
            for command in self._next_commands(folder, document):
                console.print(f"  {clean(command)}", soft_wrap=True)
        return SweepFailedError.exit_code if document["failed"] else 0

    def _next_commands(self, folder: SweepDir, document: dict[str, Any]) -> list[str]:
        ref = shlex.quote(str(folder.path))
        found = [f"{self._resume_command(folder)} --retry-failed"] if document["failed"] else []
        if document["best"]:
            found.append(f"ppo train --from-sweep {ref}")
        return [*found, f"ppo show {ref}"]

    def _resume_command(self, folder: SweepDir) -> str:
        consent = ["--allow-import"] if self._allow_import else []
        return shlex.join(["ppo", "sweep", "--resume", str(folder.path), *consent])


def _title(spec: SweepSpec) -> str:
    """What is swept, in a line."""
    env = spec.base.env_id if len(spec.env_ids) == 1 else f"{len(spec.env_ids)} environments"
    names = ", ".join(param.name for param in spec.params)
    kind = "" if spec.search == "grid" else f" ({spec.search} search)"
    return f"{env}  {names}{kind}: {spec.num_points} points × {spec.num_seeds} seeds"


def _plan_text(spec: SweepSpec, parts: Sequence[tuple[JobRun, ...]], found: Estimate) -> str:
    """What a sweep will take, in a line."""
    runs = sum(len(part) for part in parts)
    sizes = sorted({len(part) for part in parts}) or [0]
    members = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    populations = f"{len(parts)} population{'s' if len(parts) > 1 else ''} of {members}"
    points = f"{spec.num_points} points × {spec.num_seeds} seeds, "
    time = f", about {duration(found.seconds)}" if found.seconds is not None else ""
    return (
        f"{points}{runs} runs to train in {populations}, {count(found.steps)} steps{time}, "
        f"at most {size(found.memory)} of memory, about {size(found.disk)} of disk"
    )


def _cores() -> list[int]:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _free_memory() -> float:
    """Bytes of memory that are free now; 4 GB where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 4 * _GB
