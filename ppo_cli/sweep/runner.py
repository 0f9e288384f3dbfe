"""Running a sweep: what is missing is trained, what is there is read, and the winner is tried on fresh seeds.

    plan runs -> skip what is done -> jobs -> train (rung by rung) -> results -> held-out seeds

Nothing is remembered but what stands in the folder, so a killed sweep goes on by the same words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from ppo_cli.config.dump import dump_config
from ppo_cli.pace import Pace
from ppo_cli.runs.run_dir import create_run_dir
from ppo_cli.sweep.choose import search
from ppo_cli.sweep.choose.asking import ask_for, expected
from ppo_cli.sweep.choose.halving import (
    RUNGS,
    rung_iteration,
    rung_name,
    rung_score,
    stands_at_rung,
    survivors,
)
from ppo_cli.sweep.results.board import Board
from ppo_cli.sweep.results.reading import held_out_runs, planned_runs
from ppo_cli.sweep.results.results import (
    COMPLETED,
    FAILED,
    FINAL,
    GIVEN_UP,
    LOST,
    PRUNED,
    PlannedRun,
    RunResult,
    by_point,
)
from ppo_cli.sweep.results.summary import summary, write_summary
from ppo_cli.sweep.results.sweep_dir import SweepDir
from ppo_cli.sweep.results.sweep_report import SweepReport
from ppo_cli.sweep.spec.points import Point
from ppo_cli.sweep.spec.spec import SweepSpec
from ppo_cli.sweep.spec.spec_file import dump_spec
from ppo_cli.sweep.work.executor import Executor
from ppo_cli.sweep.work.jobs import MAX_MEMBERS, Job, JobRun, split_jobs
from ppo_cli.sweep.work.schedule import Failure, carry_out

_WRITING_SHARE, _TELLING_SHARE = 0.05, 0.1  # of the supervisor's time, at most


@dataclass(frozen=True)
class Resources:
    """What a sweep may use.

    Attributes:
        core_sets: Processor cores of each job that is under way; empty sets where jobs are not pinned.
        max_members: The most members of a population.
        max_bytes: The most memory of a population, by estimate.
    """

    core_sets: tuple[tuple[int, ...], ...]
    max_members: int = MAX_MEMBERS
    max_bytes: int = 2**62


@dataclass(frozen=True)
class Origin:
    """Where a sweep comes from, for its runs' summaries.

    Attributes:
        command: The command line.
        allow_import: Whether the runs may import the user modules that they name.
    """

    command: str = ""
    allow_import: bool = False


def populations_of(runs: Sequence[PlannedRun], slots: int, resources: Resources) -> list[tuple[JobRun, ...]]:
    """The populations in which runs are trained."""
    named = [JobRun(run.name, run.config) for run in runs]
    return split_jobs(named, slots, resources.max_members, resources.max_bytes)


class SweepRunner:
    """One session of a sweep.

    Args:
        folder: Its folder, locked by the caller.
        spec: What is swept.
        executor: Who trains.
        resources: What it may use.
        origin: Where it comes from.
        stop: Whether a stop was asked for.
        retry_failed: Try again what diverged or failed before.
    """

    def __init__(
        self,
        folder: SweepDir,
        spec: SweepSpec,
        executor: Executor,
        resources: Resources,
        origin: Origin,
        stop: Callable[[], bool],
        *,
        retry_failed: bool = False,
    ) -> None:
        self.folder = folder
        self.spec = spec
        self.board = Board(folder)
        self.held_out = Board(folder.held_out)
        self._executor = executor
        self._resources = resources
        self._origin = origin
        self._stop = stop
        self._retry = retry_failed
        self._tried: set[str] = set()
        self._writing, self._telling = Pace(_WRITING_SHARE), Pace(_TELLING_SHARE)
        self._jobs = 0

    def run(self) -> Iterator[SweepReport]:
        """Train what is missing.

        Yields:
            How far it is, several times a second.

        Raises:
            StorageError: The disk is full or cannot be written; what is there is intact.
            RunLockedError: Another process writes one of the runs.
        """
        self.board.begin()
        for points in self._batches():
            yield from self._batch(points)
            if self._stop():
                break
        self.write_summary()
        if not self._stop() and self.spec.confirm:
            yield from self._confirm()
            self.write_summary()
        yield self.board.report("stopped" if self._stop() else "done")

    def missing(self) -> list[tuple[JobRun, ...]]:
        """The populations that will be trained, as far as it is known before the start."""
        self.board.add(planned_runs(self.spec))
        return self._parts([run for run in planned_runs(expected(self.spec)) if self._is_to_come(run)])

    def write_summary(self) -> None:
        """Write ``results.csv`` and ``summary.json`` as things stand."""
        write_summary(self.folder, self.spec, self.runs(), self.held_out_runs())

    def summary(self) -> dict[str, Any]:
        """The sweep's document as things stand."""
        return summary(self.folder, self.spec, self.runs(), self.held_out_runs())

    def runs(self) -> list[RunResult]:
        """The sweep's runs."""
        return list(self.board.results.values())

    def held_out_runs(self) -> list[RunResult]:
        """The runs that check the best point."""
        wanted = {run.name for run in held_out_runs(self.spec, self.runs())}
        return [run for name, run in self.held_out.results.items() if name in wanted]

    # ------------------------------------------------------------------ what to train

    def _batches(self) -> Iterator[Sequence[Point]]:
        """Points to train together: all of a grid, and of a search what it asks for at a time."""
        spec = self.spec
        if spec.search == "grid":
            yield spec.points()
            return
        begin = 0
        for size in search.generations(spec.search, spec.trials or 0, max(4, self._executor.slots)):
            points = list(self.spec.asked[begin : begin + size])
            if len(points) < size:
                count = size - len(points)
                points += ask_for(self.spec, self._told(), count, spec.search)
                self.spec = replace(self.spec, asked=(*self.spec.asked[:begin], *points))
                self.folder.write_spec(dump_spec(self.spec))
            if not points:
                return
            begin += len(points)
            yield points

    def _told(self) -> Mapping[Point, float]:
        """The points asked for so far, with what they came to; a rung's estimate for those it stopped."""
        means = {result.point: result.mean for result in by_point(self.runs()) if result.returns}
        return {point: means.get(point, self._last_rung(point)) for point in self.spec.asked}

    def _last_rung(self, point: Point) -> float:
        """What a point came to at the last rung that it reached; NaN when it reached none."""
        runs = [run.planned for run in self.runs() if run.planned.point == point]
        scores = [self._score(runs, share) for share in RUNGS] if self.spec.prune and runs else []
        return next((score for score in reversed(scores) if not math.isnan(score)), math.nan)

    # ------------------------------------------------------------------ training

    def _batch(self, points: Sequence[Point]) -> Iterator[SweepReport]:
        """Train points on all seeds, rung by rung if they are pruned."""
        planned = _of(planned_runs(self.spec), points)
        self.board.add(planned)
        alive = list(points)
        for share in RUNGS if self.spec.prune else ():
            yield from self._train(self.board, _of(planned, alive), share)
            if self._stop():
                return
            alive = self._rung(planned, alive, share)
        yield from self._train(self.board, _of(planned, alive), None)

    def _confirm(self) -> Iterator[SweepReport]:
        """Train the best point again on seeds that the sweep has not seen."""
        if any(run.status not in FINAL for run in self.runs()):
            return
        planned = held_out_runs(self.spec, self.runs())
        self.held_out.add(planned)
        self.held_out.begin()
        yield from self._train(self.held_out, planned, None)

    def _train(
        self, board: Board, planned: Sequence[PlannedRun], share: float | None
    ) -> Iterator[SweepReport]:
        """Train runs to a rung, or to their end."""
        todo = [run for run in planned if self._is_missing(board, run, share)]
        if not todo:
            return
        board.folder.make()  # held-out seeds have one of their own
        stage = "training" if share is None else f"to the {rung_name(share)}"
        stage = "held-out seeds" if board is self.held_out else stage
        jobs = self._make_jobs(board, todo, share)
        self._tried |= {run.name for run in todo}
        core_sets = self._core_sets(len(jobs))
        notices: list[str] = []
        for step in carry_out(jobs, self._executor, core_sets, self._stop):
            for failure in step.failures:
                self._give_up(board, failure)
            board.hear(step)
            notices += step.notices
            if step.ended and board is self.board and self._writing.due():
                with self._writing.timed():
                    self.write_summary()
            if notices or step.ended or self._telling.due():
                with self._telling.timed():
                    report = board.report(stage, notices)
                notices = []
                yield report

    def _is_missing(self, board: Board, run: PlannedRun, share: float | None) -> bool:
        result = board.results[run.name]
        if result.status in LOST:
            return self._retry and run.name not in self._tried
        if result.status == COMPLETED:
            return False
        return share is None or not stands_at_rung(result.run_dir, run.config, share, result.global_step)

    def _is_to_come(self, run: PlannedRun) -> bool:
        """Whether a run will be trained, if rungs decide as before."""
        if run.name not in self.board.results:  # a search may ask for it
            return True
        pruned = self.spec.prune and self._status(run) == PRUNED
        return not pruned and self._is_missing(self.board, run, None)

    def _make_jobs(self, board: Board, runs: Sequence[PlannedRun], share: float | None) -> list[Job]:
        return [self._job(board, part, share) for part in self._parts(runs)]

    def _parts(self, runs: Sequence[PlannedRun]) -> list[tuple[JobRun, ...]]:
        return populations_of(runs, self._executor.slots, self._resources)

    def _job(self, board: Board, runs: tuple[JobRun, ...], share: float | None) -> Job:
        self._jobs += 1
        until = None if share is None else rung_iteration(runs[0].config, share)
        return Job(
            id=f"{self._jobs:04d}",
            folder=board.folder.path.absolute(),
            runs=runs,
            until=until,
            command=self._origin.command,
            env_requested=self.spec.requested(runs[0].config.env_id),
            allow_import=self._origin.allow_import,
        )

    def _core_sets(self, jobs: int) -> list[tuple[int, ...]]:
        """The cores of each job under way: when there are fewer jobs than sets, each gets several."""
        sets = self._resources.core_sets
        count = min(jobs, len(sets))
        return [
            tuple(core for one in sets[len(sets) * i // count : len(sets) * (i + 1) // count] for core in one)
            for i in range(count)
        ]

    # ------------------------------------------------------------------ what becomes of runs

    def _rung(self, planned: Sequence[PlannedRun], alive: Sequence[Point], share: float) -> list[Point]:
        """Stop the worse half of the points; those that train on."""
        scores = {
            point: self._score([run for run in planned if run.point == point], share) for point in alive
        }
        kept = survivors(scores)
        order = sorted(
            scores, key=lambda point: -scores[point] if not math.isnan(scores[point]) else math.inf
        )
        for run in planned:
            if run.point in alive and run.point not in kept and self._status(run) not in FINAL:
                place = f"place {order.index(run.point) + 1} of {len(order)}"
                reason = f"{rung_name(share)}: mean {scores[run.point]:.1f}, {place}"
                self._record(self.board, run, PRUNED, reason)
        return kept

    def _score(self, runs: Sequence[PlannedRun], share: float) -> float:
        """Mean over seeds at a rung; NaN when a run was lost before it.

        One that was lost after it counts: otherwise a sweep that goes on would decide otherwise than before.
        """
        found = [rung_score(self.board.results[run.name].run_dir, run.config, share) for run in runs]
        return math.nan if None in found else fmean(score for score in found if score is not None)

    def _status(self, run: PlannedRun) -> str:
        return self.board.results[run.name].status

    def _give_up(self, board: Board, failure: Failure) -> None:
        run = board.results[failure.name].planned
        self._record(board, run, FAILED, failure.reason)

    def _record(self, board: Board, run: PlannedRun, status: str, reason: str) -> None:
        """Write into a run's summary how the sweep ended it."""
        folder = board.folder.run(run.name)
        if not folder.config_path.exists():
            create_run_dir(board.folder.path, run.name, exact=True, config=dump_config(run.config))
        with folder.lock():
            summary = dict(board.results[run.name].summary) | (folder.read_summary() or {})
            about = {"env_id": run.config.env_id, "algorithm": run.config.algorithm, "seed": run.seed}
            ended = {"status": status, "reason": reason, GIVEN_UP: True}
            folder.write_summary({**about, **summary, **ended})
        board.refresh(run.name)


def _of(runs: Sequence[PlannedRun], points: Sequence[Point]) -> list[PlannedRun]:
    """The runs of some points."""
    wanted = set(points)
    return [run for run in runs if run.point in wanted]
