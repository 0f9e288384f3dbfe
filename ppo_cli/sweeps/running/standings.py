"""The state of a sweep's runs: what their folders say, and what workers have reported since."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence

from ppo_cli.sweeps.folder.sweep_dir import SweepDir
from ppo_cli.sweeps.results.point_result import best_point, results_per_point
from ppo_cli.sweeps.results.run_result import COMPLETED, FINAL, LOST, PRUNED, RunResult, read_run
from ppo_cli.sweeps.running.progress import Cell, ReportRow, SweepReport
from ppo_cli.sweeps.spec.planned_runs import PlannedRun
from ppo_cli.sweeps.work.events import RunProgress
from ppo_cli.sweeps.work.schedule import Step

_TRAINING = "training"


class Standings:
    """The state of the planned runs of one folder.

    Args:
        folder: Where the runs' folders are.
    """

    def __init__(self, folder: SweepDir) -> None:
        self.folder = folder
        self.results: dict[str, RunResult] = {}
        self._live: dict[str, RunProgress] = {}
        self._began = time.monotonic()
        self._steps_before: dict[str, int] = {}

    def begin(self) -> None:
        """Start the clock: what was before, the estimate for one, does not count as training."""
        self._began = time.monotonic()

    def share_done(self, name: str) -> float:
        """Share of a run's steps that is done, 0 to 1; 0 for a run that is not taken up yet."""
        return self._cell(name).fraction if name in self.results else 0.0

    def add(self, runs: Iterable[PlannedRun]) -> None:
        """Take up runs; what is there of them is read."""
        for run in runs:
            if run.name not in self.results:
                self._read(run)
                self._steps_before[run.name] = self.results[run.name].global_step

    def refresh(self, name: str) -> None:
        """Read a run's folder again; what workers reported of it is forgotten."""
        self._live.pop(name, None)
        self._read(self.results[name].planned)

    def note(self, step: Step) -> None:
        """Note what workers reported; read again what is no longer under way."""
        for event in step.events:
            self._live.update({name: run for name, run in event.runs.items() if name in self.results})
        for job in step.ended:
            for run in job.runs:
                self.refresh(run.name)

    def report(self, stage: str, notices: Sequence[str] = ()) -> SweepReport:
        """Report the progress of the runs."""
        cells = {name: self._cell(name) for name in self.results}
        rows: dict[str, list[Cell]] = {}
        for name, result in self.results.items():
            rows.setdefault(result.planned.point.label, []).append(cells[name])
        statuses = [cell.status for cell in cells.values()]
        elapsed = time.monotonic() - self._began
        speed = self._steps_done() / elapsed if elapsed > 1.0 else math.nan
        best = best_point(results_per_point(self.results.values()))
        return SweepReport(
            stage=stage,
            rows=tuple(ReportRow(label, tuple(own)) for label, own in rows.items()),
            done=sum(status in (COMPLETED, PRUNED) for status in statuses),
            running=statuses.count(_TRAINING),
            failed=sum(status in LOST for status in statuses),
            total=len(statuses),
            elapsed=elapsed,
            time_left=self._steps_left() / speed if speed > 0 else None,
            steps_per_second=speed,
            best=(best.point.label, best.mean, len(best.returns)) if best else None,
            notices=tuple(notices),
        )

    def _read(self, run: PlannedRun) -> None:
        self.results[run.name] = read_run(run, self.folder.run(run.name))

    def _cell(self, name: str) -> Cell:
        result, live = self.results[name], self._live.get(name)
        if live is not None and result.status not in FINAL:
            return Cell(result.planned.seed, live.status, live.fraction, live.eval_mean)
        share = result.global_step / max(1, result.planned.config.total_timesteps)
        return Cell(result.planned.seed, result.status, min(1.0, share), result.final)

    def _steps(self, name: str) -> int:
        live = self._live.get(name)
        return live.global_step if live is not None else self.results[name].global_step

    def _steps_done(self) -> int:
        """Environment steps since this session began."""
        return sum(max(0, self._steps(name) - self._steps_before[name]) for name in self.results)

    def _steps_left(self) -> int:
        """Environment steps until all runs are complete, as far as none is stopped by a rung."""
        open_runs = [result for result in self.results.values() if result.status not in FINAL]
        return sum(
            max(0, result.planned.config.total_timesteps - self._steps(result.planned.name))
            for result in open_runs
        )
