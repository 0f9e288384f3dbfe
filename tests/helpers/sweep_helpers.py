"""Tiny sweeps of CartPole, run in this process, and environments that fail for one of their settings."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from helpers.env_helpers import register
from helpers.file_faults import Faults, Killed
from helpers.run_outcome import csv_rows
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs import user_code
from ppo_cli.learn.trainer import train
from ppo_cli.prepare.launch import prepare_new
from ppo_cli.report import sweep_plots
from ppo_cli.rng import Stream, episode_seed
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.sweeps.folder.opening import open_sweep
from ppo_cli.sweeps.folder.sweep_dir import list_sweeps
from ppo_cli.sweeps.folder.sweep_yaml import dump_spec
from ppo_cli.sweeps.plan.resources import Resources
from ppo_cli.sweeps.results.run_result import RunResult
from ppo_cli.sweeps.results.summary import summary
from ppo_cli.sweeps.running.progress import SweepReport
from ppo_cli.sweeps.running.runner import Invocation, SweepRunner
from ppo_cli.sweeps.spec.params import parse_param
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec
from ppo_cli.sweeps.work.events import JobEvent
from ppo_cli.sweeps.work.job import Job
from ppo_cli.sweeps.work.registry import EXECUTORS, ExecutorKind, ExecutorOptions
from ppo_cli.sweeps.work.run_job import run_job

# 32 steps an iteration, 10 iterations, evaluated after each second one.
TINY: dict[str, Any] = {
    "total_timesteps": 320,
    "num_envs": 2,
    "num_steps": 16,
    "num_epochs": 2,
    "num_minibatches": 2,
    "hidden_sizes": (8,),
    "num_evals": 5,
    "eval_episodes": 2,
    "final_eval_episodes": 3,
}


RATES = "learning_rate=0.003,0.03"
FOUR_RATES = "learning_rate=0.0003,0.003,0.03,0.3"
OFTEN = {"total_timesteps": 256, "num_evals": 8}  # 8 iterations, evaluated after each
QUICK = {"total_timesteps": 64, "num_evals": 2}


class StopAfter:
    """A stop that is asked for after a number of questions; without a number, never. It counts them."""

    def __init__(self, questions: int | None = None) -> None:
        self.questions, self.asked = questions, 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.questions is not None and self.asked > self.questions


class Faulty(CartPoleEnv):
    """CartPole that pays more, or fails at its third step, if it is told so.

    Args:
        render_mode: As of every environment.
        pay: The reward of a step.
        fault: ``raises`` an exception, pays a ``nan``, or more than can be learned (``huge``), or ``no``.
        unlucky: The reset seed of the only episodes that fail; None for all.
    """

    def __init__(
        self, render_mode: str | None = None, pay: float = 1.0, fault: str = "no", unlucky: int | None = None
    ) -> None:
        super().__init__(render_mode=render_mode)
        self.pay, self.fault, self.unlucky = pay, fault, unlucky

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        self.count = 3 if self.unlucky in (None, seed) else -1
        return super().reset(seed=seed, options=options)

    def step(self, action: Any):
        obs, _, terminated, truncated, info = super().step(action)
        self.count -= 1
        failing = self.count == 0 and "FAULTY_IS_CURED" not in os.environ
        if failing and self.fault == "raises":
            raise ValueError("the pole is gone")
        wrong = {"nan": math.nan, "huge": 1e30}.get(self.fault, self.pay)
        reward = wrong if failing else self.pay
        return obs, reward, terminated, truncated, info


FAULTY = register("Faulty-v0", Faulty, max_episode_steps=500)


def tiny_spec(
    *params: str, env_id: str = "CartPole-v1", base: dict[str, Any] | None = None, **fields: Any
) -> SweepSpec:
    """A sweep over ``--param`` texts: two seeds and none held out, unless ``fields`` say otherwise."""
    config = with_values(RunConfig(env_id=env_id), TINY | (base or {}))
    swept = tuple(map(parse_param, params))
    return SweepSpec((config,), env_id, swept, **{"num_seeds": 2, "confirm": 0, **fields})


PRUNED_SPEC = tiny_spec(FOUR_RATES, base=OFTEN, prune=True)


class InProcess:
    """An executor whose jobs run in this process while it is waited for, one after the other.

    Args:
        slots: Jobs that it takes at a time.
        die: Why the process of a job dies before it does anything, or None if it lives.
        run: What does a job.
    """

    def __init__(
        self,
        slots: int = 1,
        die: Callable[[Job], str | None] = lambda job: None,
        run: Callable[..., Mapping[str, Any]] = run_job,
    ) -> None:
        self.slots = slots
        self.jobs: list[Job] = []
        self.stop_asked: Callable[[], bool] = StopAfter()
        self.errors: list[Exception] = []
        self.stops = self.most_under_way = 0
        self._die, self._run = die, run
        self._under_way: list[Job] = []

    def start(self, job: Job) -> None:
        self.jobs.append(job)
        self._under_way.append(job)
        cores = [core for running in self._under_way for core in running.cores]
        assert len(cores) == len(set(cores)), "jobs under way share no core"
        self.most_under_way = max(self.most_under_way, len(self._under_way))

    def wait(self, seconds: float) -> list[JobEvent]:
        if not self._under_way:
            return []
        job = self._under_way.pop(0)
        if reason := self._die(job):
            return [JobEvent(job.id, "died", reason=reason)]
        events: list[JobEvent] = []
        copy = Job.from_json(json.loads(json.dumps(job.to_json())))  # as another process sees it
        try:
            result = self._run(
                copy, lambda message: events.append(JobEvent.of(job.id, "progress", message)), self.stop_asked
            )
        except Exception as error:
            self.errors.append(error)
            return [*events, JobEvent.failure(job.id, error)]
        return [*events, JobEvent.of(job.id, "ended", result)]

    def stop(self) -> None:
        self.stops += 1

    def close(self) -> None:
        pass

    @property
    def trained(self) -> list[str]:
        """The runs of all its jobs, in that order."""
        return [run.name for job in self.jobs for run in job.runs]


def dies_with(guilty: str, reason: str) -> Callable[[Job], str | None]:
    """Why the process of a job dies that has a run of this name."""
    return lambda job: reason if guilty in [run.name for run in job.runs] else None


class Measured(InProcess):
    """An executor whose probes measure what a test says."""

    def __init__(self, slots: int, iteration_seconds: float, step_seconds: float) -> None:
        numbers = {"iteration_seconds": iteration_seconds, "step_seconds": step_seconds}
        super().__init__(slots, run=lambda job, tell, stop: {"probe": numbers})


@dataclass(frozen=True)
class Swept:
    """A session of a sweep that has ended."""

    runner: SweepRunner
    executor: InProcess
    reports: list[SweepReport]

    @property
    def folder(self) -> Path:
        return self.runner.folder.path

    @property
    def statuses(self) -> dict[str, str]:
        return {run.planned.name: run.status for run in self.runs}

    @property
    def reasons(self) -> dict[str, str | None]:
        return {run.planned.name: run.reason for run in self.runs}

    @property
    def runs(self) -> Sequence[RunResult]:
        return self.runner.results().runs

    def summary(self) -> dict[str, Any]:
        return summary(self.runner.results())


def runner_of(
    spec: SweepSpec,
    runs_dir: Path,
    executor: InProcess | None = None,
    *,
    name: str | None = None,
    stop: Callable[[], bool] | None = None,
    retry_failed: bool = False,
    resources: Resources | None = None,
) -> SweepRunner:
    """The session that ``ppo sweep`` would begin."""
    folder, spec, _ = open_sweep(spec, runs_dir, name)
    folder.write_spec(dump_spec(spec))
    executor, stop = executor or InProcess(), stop or StopAfter()
    executor.stop_asked = stop
    resources = resources or Resources(core_sets=((),) * executor.slots)
    return SweepRunner(
        folder, spec, executor, resources, Invocation("ppo sweep"), stop, retry_failed=retry_failed
    )


def sweep(spec: SweepSpec, runs_dir: Path, executor: InProcess | None = None, **options: Any) -> Swept:
    """Run a sweep to its end, or until it is stopped."""
    executor = executor or InProcess()
    runner = runner_of(spec, runs_dir, executor, **options)
    with runner.folder.lock():
        return Swept(runner, executor, list(runner.run()))


def train_in_process(
    patch: pytest.MonkeyPatch, stop: Callable[[], bool] = lambda: False, *, draw: bool = False
) -> list[InProcess]:
    """Let sweeps that are started in this process train in it, too; the executors that they make.

    Args:
        patch: What undoes it.
        stop: Whether their jobs are to stop.
        draw: Whether they draw plots, which takes longer than the trainings of most tests.
    """
    made: list[InProcess] = []

    def run(job: Job, tell: Any, stop: Any) -> Any:
        patch.setattr(user_code, "_agreed", set())  # a worker knows only what the job names
        return run_job(job, tell, stop)

    def make(options: ExecutorOptions, folder: Path) -> Any:
        made.append(InProcess(slots=2, run=run))
        made[-1].stop_asked = stop
        return made[-1]

    if not draw:
        patch.setattr(sweep_plots, "write_sweep_plots", lambda results: [])
    patch.setitem(EXECUTORS, "local", ExecutorKind(make, pins_cores=False))
    patch.setattr(user_code, "_agreed", set())
    return made


def train_alone(config: RunConfig, runs_dir: Path) -> Path:
    """What ``ppo train`` does with the settings of one run; its folder."""
    (population,) = prepare_new(
        [config], runs_dir=runs_dir, name=None, env_requested=config.env_id, command="ppo train"
    )
    *_, _ = train(population)
    run = population.members[0].run_dir
    assert run is not None
    return run.path


def files_of(run: Path) -> dict[str, Any]:
    """What a run has come to, without what depends on the clock or on its folder."""
    written = json.loads((run / "summary.json").read_text())
    files: dict[str, Any] = {key: written.get(key) for key in _RESULTS}
    for name in ("policy.safetensors", "best_policy.safetensors", "config.yaml"):
        files[name] = (run / name).read_bytes() if (run / name).exists() else None
    return files | {name: csv_rows(run / name) for name in ("metrics.csv", "monitor.csv", "eval.csv")}


_RESULTS = (
    "env_id", "algorithm", "seed", "status", "reason", "global_step", "eval", "best_eval_during_training",
)  # fmt: skip


def sweep_files(folder: Path) -> dict[str, Any]:
    """What every run of a sweep has come to, held-out ones included, by its place in the folder."""
    runs = [config.parent for config in sorted(folder.glob("**/config.yaml"))]
    return {str(run.relative_to(folder)): files_of(run) for run in runs}


@dataclass(frozen=True)
class Reference:
    """A sweep that nothing has happened to.

    Attributes:
        swept: The sweep.
        files: What its runs have come to.
        questions: How often it asked whether to stop.
        operations: How often it opened, wrote, renamed ... a file.
    """

    swept: Swept
    files: dict[str, Any]
    questions: int
    operations: int

    @classmethod
    def of(cls, spec: SweepSpec, runs_dir: Path) -> Reference:
        counting = StopAfter()
        with pytest.MonkeyPatch.context() as patch, Faults().installed() as counted:
            save_whenever_possible(patch)
            patch.delenv("FAULTY_IS_CURED", raising=False)
            swept = sweep(spec, runs_dir, stop=counting)
        return cls(swept, sweep_files(swept.folder), counting.asked, counted.count)

    def stop_at(self, share: float) -> StopAfter:
        """A stop after a share of its questions."""
        return StopAfter(int(share * self.questions))


def save_whenever_possible(patch: pytest.MonkeyPatch) -> None:
    """Write a checkpoint after every iteration and a summary after every job, as if both took no time.

    So long sweeps have many of them, and every sweep has the same number each time.
    """
    patch.setattr("ppo_cli.learn.trainer.CHECKPOINT_SHARE", math.inf)
    patch.setattr("ppo_cli.sweeps.running.runner._WRITING_SHARE", math.inf)


def killed_somewhere(spec: SweepSpec, runs_dir: Path, operations: int, seed: int) -> set[str]:
    """Kill a sweep at one of its file operations; the runs that it has completed by then."""
    rng = random.Random(seed)
    faults = Faults(rng.randrange(1, operations), torn=rng.random() < 0.5)
    with faults.installed(), pytest.raises(Killed):
        sweep(spec, runs_dir)
    return {run.name for swept in list_sweeps(runs_dir) for run in swept.runs() if is_complete(run)}


def is_complete(run: RunDir) -> bool:
    return (run.read_summary() or {}).get("status") == "completed"


def unlucky(fault: str, seed: int = 2) -> dict[str, Any]:
    """Settings with which the first episode of one environment of the runs with ``seed`` fails."""
    return {"env_kwargs": {"fault": fault, "unlucky": episode_seed(seed, Stream.EPISODE, 1, 0)}}
