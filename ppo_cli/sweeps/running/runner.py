"""Run a sweep: train the missing runs, read the others, and train the best point again on held-out seeds.

    plan runs -> skip what is done -> jobs -> train (rung by rung) -> results -> held-out seeds

All state is in the folder, so the same command goes on with a sweep that was killed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ppo_cli.pace import Pace
from ppo_cli.sweeps.choose.halving import (
    mean_at_last_rung,
    mean_at_rung,
    stands_at_rung,
    survivors,
    why_stopped,
)
from ppo_cli.sweeps.choose.next_points import ask_for, with_all_points
from ppo_cli.sweeps.choose.optuna_search import generations
from ppo_cli.sweeps.folder.sweep_dir import SweepDir
from ppo_cli.sweeps.folder.sweep_yaml import dump_spec
from ppo_cli.sweeps.plan.populations import JobRuns, cut_into_populations
from ppo_cli.sweeps.plan.resources import Resources
from ppo_cli.sweeps.results.run_result import COMPLETED, FAILED, FINAL, LOST, PRUNED, RunResult
from ppo_cli.sweeps.results.summary import write_summary
from ppo_cli.sweeps.results.sweep_results import SweepResults, held_out_runs
from ppo_cli.sweeps.running.progress import SweepReport
from ppo_cli.sweeps.running.record import record_end
from ppo_cli.sweeps.running.standings import Standings
from ppo_cli.sweeps.spec.planned_runs import PlannedRun, planned_runs
from ppo_cli.sweeps.spec.points import Point
from ppo_cli.sweeps.spec.rungs import RUNGS, rung_iteration, rung_name
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec
from ppo_cli.sweeps.work.executor import Executor
from ppo_cli.sweeps.work.job import Job
from ppo_cli.sweeps.work.schedule import carry_out

_WRITING_SHARE, _REPORTING_SHARE = 0.05, 0.1  # of the supervisor's time, at most


@dataclass(frozen=True)
class Invocation:
    """The call that started a sweep.

    Attributes:
        command: The command line, for the runs' summaries.
        allow_import: Whether the runs may import the user modules that they name.
    """

    command: str = ""
    allow_import: bool = False


class SweepRunner:
    """One session of a sweep.

    Args:
        folder: Its folder, locked by the caller.
        spec: What is swept.
        executor: Trains the populations.
        resources: Cores and memory that it may use.
        invocation: The call that started it.
        stop: Whether a stop was asked for.
        retry_failed: Try again what diverged or failed before.
    """

    def __init__(
        self,
        folder: SweepDir,
        spec: SweepSpec,
        executor: Executor,
        resources: Resources,
        invocation: Invocation,
        stop: Callable[[], bool],
        *,
        retry_failed: bool = False,
    ) -> None:
        self.folder = folder
        self.spec = spec
        self.standings = Standings(folder)
        self._held_out = Standings(folder.held_out)
        self._executor = executor
        self._resources = resources
        self._invocation = invocation
        self._stop = stop
        self._retry = retry_failed
        self._tried: set[str] = set()
        self._writing, self._reporting = Pace(_WRITING_SHARE), Pace(_REPORTING_SHARE)
        self._jobs = 0

    def run(self) -> Iterator[SweepReport]:
        """Train what is missing.

        Yields:
            Reports of the progress, several times a second.

        Raises:
            StorageError: The disk is full or cannot be written; what is there is intact.
            RunLockedError: Another process writes one of the runs.
        """
        self.standings.begin()
        for points in self._batches():
            yield from self._train_points(points)
            if self._stop():
                break
        write_summary(self.results())
        if not self._stop() and self.spec.confirm:
            yield from self._train_held_out()
            write_summary(self.results())
        yield self.standings.report("stopped" if self._stop() else "done")

    def take_up(self) -> None:
        """Read what is there of the runs that are known before the start."""
        self.standings.add(planned_runs(self.spec))

    def missing(self) -> list[JobRuns]:
        """The populations that will be trained, as far as it is known before the start."""
        self.take_up()
        to_come = [run for run in planned_runs(with_all_points(self.spec)) if self._is_to_come(run)]
        return cut_into_populations(to_come, self._resources)

    def results(self) -> SweepResults:
        """Sum up the results of the runs so far."""
        results = SweepResults(self.folder, self.spec, list(self.standings.results.values()))
        wanted = {run.name for run in held_out_runs(results)}
        held_out = [run for name, run in self._held_out.results.items() if name in wanted]
        return replace(results, held_out=held_out)

    # ------------------------------------------------------------------ which points

    def _batches(self) -> Iterator[Sequence[Point]]:
        """Give the points to train together: all of a grid, one generation after the other of a search."""
        spec = self.spec
        if spec.search == "grid":
            yield spec.points()
            return
        begin = 0
        for size in generations(spec.search, spec.trials or 0, max(4, self._executor.slots)):
            points = list(self.spec.asked[begin : begin + size])
            if len(points) < size:
                points += ask_for(self.spec, self._means(), size - len(points), spec.search)
                self.spec = replace(self.spec, asked=(*self.spec.asked[:begin], *points))
                self.folder.write_spec(dump_spec(self.spec))
            if not points:
                return
            begin += len(points)
            yield points

    def _means(self) -> Mapping[Point, float]:
        """Compute the means of the points asked for so far; of those that a rung stopped, at that rung."""
        means = {result.point: result.mean for result in self.results().points() if result.returns}
        return {point: means.get(point, self._mean_at_last_rung(point)) for point in self.spec.asked}

    def _mean_at_last_rung(self, point: Point) -> float:
        if not self.spec.prune:
            return math.nan
        return mean_at_last_rung([run for run in self._runs() if run.planned.point == point])

    # ------------------------------------------------------------------ training

    def _train_points(self, points: Sequence[Point]) -> Iterator[SweepReport]:
        """Train points on all seeds, rung by rung if they are pruned."""
        planned = _of(planned_runs(self.spec), points)
        self.standings.add(planned)
        alive = list(points)
        for share in RUNGS if self.spec.prune else ():
            yield from self._train(self.standings, _of(planned, alive), share, f"to the {rung_name(share)}")
            if self._stop():
                return
            alive = self._stop_the_worse(alive, share)
        yield from self._train(self.standings, _of(planned, alive), None, "training")

    def _train_held_out(self) -> Iterator[SweepReport]:
        """Train the best point again on seeds that the sweep has not seen."""
        if any(run.status not in FINAL for run in self._runs()):
            return
        planned = held_out_runs(self.results())
        self._held_out.add(planned)
        self._held_out.begin()
        yield from self._train(self._held_out, planned, None, "held-out seeds")

    def _train(
        self, standings: Standings, planned: Sequence[PlannedRun], share: float | None, stage: str
    ) -> Iterator[SweepReport]:
        """Train runs to a rung, or to their end."""
        todo = [run for run in planned if self._is_missing(standings.results[run.name], share)]
        if not todo:
            return
        standings.folder.make()  # held-out seeds have one of their own
        populations = cut_into_populations(todo, self._resources)
        jobs = [self._job(standings.folder, population, share) for population in populations]
        self._tried |= {run.name for run in todo}
        notices: list[str] = []
        for step in carry_out(jobs, self._executor, self._resources.for_jobs(len(jobs)), self._stop):
            for failure in step.failures:
                self._record(standings, failure.name, FAILED, failure.reason)
            standings.note(step)
            notices += step.notices
            if step.ended and standings is self.standings and self._writing.due():
                with self._writing.timed():
                    write_summary(self.results())
            if notices or step.ended or self._reporting.due():
                with self._reporting.timed():
                    report = standings.report(stage, notices)
                notices = []
                yield report

    def _job(self, folder: SweepDir, population: JobRuns, share: float | None) -> Job:
        self._jobs += 1
        config = population[0].config
        return Job(
            id=f"{self._jobs:04d}",
            folder=folder.path.absolute(),
            runs=population,
            until=None if share is None else rung_iteration(config, share),
            command=self._invocation.command,
            env_requested=self.spec.requested(config.env_id),
            allow_import=self._invocation.allow_import,
        )

    # ------------------------------------------------------------------ how runs stand

    def _runs(self) -> list[RunResult]:
        return list(self.standings.results.values())

    def _is_missing(self, run: RunResult, share: float | None) -> bool:
        """Whether a run is still to be trained to a rung, or to its end."""
        if run.status in LOST:
            return self._retry and run.planned.name not in self._tried
        if run.status == COMPLETED:
            return False
        return share is None or not stands_at_rung(run, share)

    def _is_to_come(self, planned: PlannedRun) -> bool:
        """Whether a run will be trained, if rungs decide as before."""
        run = self.standings.results.get(planned.name)
        if run is None:  # a search may ask for it
            return True
        return not (self.spec.prune and run.status == PRUNED) and self._is_missing(run, None)

    def _stop_the_worse(self, alive: Sequence[Point], share: float) -> list[Point]:
        """Stop the worse half of the points at a rung; returns the others."""
        runs = {point: [run for run in self._runs() if run.planned.point == point] for point in alive}
        means = {point: mean_at_rung(own, share) for point, own in runs.items()}
        kept = survivors(means)
        for point, own in runs.items():
            for run in own:
                if point not in kept and run.status not in FINAL:
                    reason = why_stopped(means, point, share)
                    self._record(self.standings, run.planned.name, PRUNED, reason)
        return kept

    def _record(self, standings: Standings, name: str, status: str, reason: str) -> None:
        record_end(standings.folder, standings.results[name], status, reason)
        standings.refresh(name)


def _of(runs: Sequence[PlannedRun], points: Sequence[Point]) -> list[PlannedRun]:
    """Select the runs of some points."""
    wanted = set(points)
    return [run for run in runs if run.point in wanted]
