"""Tiny sweeps of CartPole, run in this process, and environments that fail for one of their settings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from helpers.env_helpers import register
from helpers.run_outcome import csv_rows
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.learn.trainer import train
from ppo_cli.prepare.launch import prepare_new
from ppo_cli.sweep.opening import open_sweep
from ppo_cli.sweep.results.sweep_report import SweepReport
from ppo_cli.sweep.runner import Origin, Resources, SweepRunner
from ppo_cli.sweep.spec.params import parse_param
from ppo_cli.sweep.spec.spec import SweepSpec
from ppo_cli.sweep.spec.spec_file import dump_spec
from ppo_cli.sweep.work.executor import JobEvent
from ppo_cli.sweep.work.job import run_job
from ppo_cli.sweep.work.jobs import Job

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
        fault: ``raises`` an exception, pays a ``nan``, or ``no``.
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
        reward = float("nan") if failing and self.fault == "nan" else self.pay
        return obs, reward, terminated, truncated, info


FAULTY = register("Faulty-v0", Faulty, max_episode_steps=500)


def tiny_spec(
    *params: str, env_id: str = "CartPole-v1", base: dict[str, Any] | None = None, **fields: Any
) -> SweepSpec:
    """A sweep over ``--param`` texts: two seeds and none held out, unless ``fields`` say otherwise."""
    config = with_values(RunConfig(env_id=env_id), TINY | (base or {}))
    swept = tuple(map(parse_param, params))
    return SweepSpec((config,), env_id, swept, **{"num_seeds": 2, "confirm": 0, **fields})


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
        cores = [core for one in self._under_way for core in one.cores]
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
                copy, lambda told: events.append(JobEvent.of(job.id, "progress", told)), self.stop_asked
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
        return {run.planned.name: run.status for run in self.runner.runs()}

    @property
    def reasons(self) -> dict[str, str | None]:
        return {run.planned.name: run.reason for run in self.runner.runs()}


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
        folder, spec, executor, resources, Origin("ppo sweep"), stop, retry_failed=retry_failed
    )


def sweep(spec: SweepSpec, runs_dir: Path, executor: InProcess | None = None, **options: Any) -> Swept:
    """Run a sweep to its end, or until it is stopped."""
    executor = executor or InProcess()
    runner = runner_of(spec, runs_dir, executor, **options)
    with runner.folder.lock():
        return Swept(runner, executor, list(runner.run()))


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
    summary = json.loads((run / "summary.json").read_text())
    found: dict[str, Any] = {key: summary.get(key) for key in _RESULTS}
    for name in ("policy.safetensors", "best_policy.safetensors", "config.yaml"):
        found[name] = (run / name).read_bytes() if (run / name).exists() else None
    return found | {name: csv_rows(run / name) for name in ("metrics.csv", "monitor.csv", "eval.csv")}


_RESULTS = (
    "env_id", "algorithm", "seed", "status", "reason", "global_step", "eval", "best_eval_during_training",
)  # fmt: skip


def sweep_files(folder: Path) -> dict[str, Any]:
    """What every run of a sweep has come to, held-out ones included, by its place in the folder."""
    runs = [config.parent for config in sorted(folder.glob("**/config.yaml"))]
    return {str(run.relative_to(folder)): files_of(run) for run in runs}
