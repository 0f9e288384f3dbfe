"""Running sweeps: what is trained and what is not, what becomes of failures, and what the results say."""

from __future__ import annotations

import csv
import json
import math
import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.file_faults import Faults, Killed
from helpers.sweep_helpers import (
    FAULTY,
    InProcess,
    StopAfter,
    Swept,
    files_of,
    runner_of,
    sweep,
    sweep_files,
    tiny_spec,
    train_alone,
)

from ppo_cli.config.identity import static_key
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import RunLockedError, StorageError, UsageError
from ppo_cli.learn import trainer
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.learn.recorder import Recorder
from ppo_cli.prepare.footprint import memory_bytes
from ppo_cli.prepare.launch import prepare_in_folder
from ppo_cli.rng import Stream, episode_seed
from ppo_cli.runs.checkpoints import checkpoint_iterations
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.sweep.choose import search
from ppo_cli.sweep.choose.halving import RUNGS, rung_iteration, survivors
from ppo_cli.sweep.choose.search import DIGITS, ask, generations
from ppo_cli.sweep.estimate import MOST_PROBES, Estimate, estimate, probe_job
from ppo_cli.sweep.opening import default_name, open_sweep
from ppo_cli.sweep.results.reading import held_out_runs, planned_runs, sweep_results
from ppo_cli.sweep.results.results import PointResult, RunResult, best_point, by_point
from ppo_cli.sweep.results.sweep_dir import list_sweeps
from ppo_cli.sweep.runner import Origin, Resources, SweepRunner
from ppo_cli.sweep.spec.params import parse_param
from ppo_cli.sweep.spec.points import Point
from ppo_cli.sweep.spec.spec import SweepSpec
from ppo_cli.sweep.spec.spec_file import read_spec
from ppo_cli.sweep.work.job import run_job
from ppo_cli.sweep.work.jobs import Job, JobRun, split_jobs
from ppo_cli.sweep.work.local_executor import LocalExecutor
from ppo_cli.sweep.work.schedule import Step, carry_out

RATES = "learning_rate=0.003,0.03"
FOUR_RATES = "learning_rate=0.0003,0.003,0.03,0.3"
OFTEN = {"total_timesteps": 256, "num_evals": 8}  # 8 iterations, evaluated after each
PRUNED_SPEC = tiny_spec(FOUR_RATES, base=OFTEN, prune=True)
QUICK = {"total_timesteps": 64, "num_evals": 2}


@pytest.fixture(autouse=True)
def at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults are not mended, and nobody waits for the disk: here no power is lost."""
    monkeypatch.delenv("FAULTY_IS_CURED", raising=False)
    monkeypatch.setattr(os, "fsync", lambda fd: None)


@pytest.fixture
def every_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every iteration, as long trainings have many."""
    monkeypatch.setattr("ppo_cli.learn.trainer.CHECKPOINT_SHARE", 1e9)


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
            patch.setattr("ppo_cli.learn.trainer.CHECKPOINT_SHARE", 1e9)
            swept = sweep(spec, runs_dir, stop=counting)
        return cls(swept, sweep_files(swept.folder), counting.asked, counted.count)

    def stop_at(self, share: float) -> StopAfter:
        """A stop after a share of its questions."""
        return StopAfter(int(share * self.questions))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A sweep of two learning rates."""
    return Reference.of(tiny_spec(RATES), tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A pruned sweep of four learning rates."""
    return Reference.of(PRUNED_SPEC, tmp_path_factory.mktemp("pruned"))


# --- which runs are trained together


@pytest.mark.parametrize(
    ("slots", "max_members", "sizes"), [(1, 64, [8, 4]), (3, 64, [4, 4, 4]), (1, 3, [3, 3, 2, 2, 2])]
)
def test_runs_of_one_program_share_a_population_and_every_slot_has_work(
    slots: int, max_members: int, sizes: list[int]
) -> None:
    four = planned_runs(tiny_spec("learning_rate=0.1,0.2", "num_steps=16"))
    eight = planned_runs(tiny_spec("learning_rate=0.1,0.2,0.3,0.4", "num_steps=8"))
    runs = [JobRun(run.name, run.config) for run in [*four, *eight]]
    random.Random(1).shuffle(runs)
    parts = split_jobs(runs, slots, max_members, 2**60)
    assert sorted(map(len, parts), reverse=True) == sizes
    assert sorted(run.name for part in parts for run in part) == sorted(run.name for run in runs)
    assert all(len({static_key(run.config) for run in part}) == 1 for part in parts)


def test_a_population_stays_within_the_memory_bound_but_a_run_alone_is_always_tried() -> None:
    runs = [JobRun(run.name, run.config) for run in planned_runs(tiny_spec("eps_clip", num_seeds=4))]
    one = memory_bytes(runs[0].config)
    assert {len(part) for part in split_jobs(runs, 1, 64, 4 * one)} == {4}
    assert {len(part) for part in split_jobs(runs, 1, 64, one // 2)} == {1}


def test_the_population_with_the_most_work_begins_first() -> None:
    spec = tiny_spec("num_steps=16,32", "total_timesteps=640,1280", zipped=True)
    parts = split_jobs([JobRun(run.name, run.config) for run in planned_runs(spec)], 1, 64, 2**60)
    assert [part[0].config.total_timesteps for part in parts] == [1280, 640]


def test_a_job_comes_out_of_json_as_it_went_in(tmp_path: Path) -> None:
    first = with_values(RunConfig(env_id="CartPole-v1"), {"custom.a": 1.0, "custom.b": 2.0, "target_kl": 0.1})
    shaping = first.reward_shaping.model_copy(update={"custom": {"a": 0.1 + 0.2}})
    other = with_values(first, {"seed": 2, "target_kl": None, "learning_rate": 1e-5})
    runs = (JobRun("x", first), JobRun("y", other.model_copy(update={"reward_shaping": shaping})))
    words: dict[str, Any] = {"command": "c", "env_requested": "v", "allow_import": True}
    job = Job("0003", tmp_path, runs, until=7, probe=True, cores=(0, 1), **words)
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job


@pytest.mark.parametrize(("seeds", "cores"), [(1, [(0, 1, 2, 3)]), (2, [(0, 1), (2, 3)])])
def test_with_fewer_jobs_than_slots_each_gets_the_cores_of_several(
    seeds: int, cores: list[tuple[int, ...]], tmp_path: Path
) -> None:
    executor = InProcess(slots=4, run=lambda job, tell, stop: {"runs": {}})
    resources = Resources(core_sets=((0,), (1,), (2,), (3,)))
    sweep(tiny_spec("eps_clip=0.1", num_seeds=seeds), tmp_path, executor, resources=resources)
    assert [job.cores for job in executor.jobs] == cores


# --- jobs that die, fail, or are stopped


def a_job(*names: str, job_id: str = "0001", folder: Path = Path("sweep")) -> Job:
    runs = tuple(JobRun(name, RunConfig(env_id="CartPole-v1")) for name in names)
    return Job(job_id, folder, runs)


def carried_out(executor: InProcess, *jobs: Job, stop: Callable[[], bool] | None = None) -> list[Step]:
    return list(carry_out(jobs, executor, ((),) * executor.slots, stop or StopAfter()))


def names(executor: InProcess) -> list[tuple[str, str]]:
    return [(job.id, "".join(run.name for run in job.runs)) for job in executor.jobs]


def does_nothing(*_: Any) -> dict[str, Any]:
    return {"runs": {}}


def dies_with(guilty: str, reason: str) -> Callable[[Job], str | None]:
    return lambda job: reason if guilty in [run.name for run in job.runs] else None


def fails_with(*guilty: str, error: Exception | None = None) -> Callable[..., dict[str, Any]]:
    def run(job: Job, tell: object, stop: object) -> dict[str, Any]:
        if any(run.name in guilty for run in job.runs):
            raise error or ValueError("boom")
        return {"runs": {}}

    return run


def test_slots_are_kept_busy_each_on_cores_of_its_own() -> None:
    executor = InProcess(slots=2, run=does_nothing)
    jobs = [a_job("a", job_id=str(i)) for i in range(5)]
    steps = list(carry_out(jobs, executor, [(0, 1), (2, 3)], StopAfter()))
    assert [job.id for step in steps for job in step.ended] == ["0", "1", "2", "3", "4"]
    assert executor.most_under_way == 2 and {job.cores for job in executor.jobs} == {(0, 1), (2, 3)}


def test_a_job_whose_process_dies_goes_on_once_and_the_user_is_told() -> None:
    deaths = ["killed by SIGKILL"]
    executor = InProcess(die=lambda job: deaths.pop() if deaths else None, run=does_nothing)
    steps = carried_out(executor, a_job("a", "b"), a_job("c", job_id="0002"))
    assert names(executor) == [("0001", "ab"), ("0001", "ab"), ("0002", "c")]
    assert not any(step.failures for step in steps)
    (notice,) = [notice for step in steps for notice in step.notices]
    assert "0001" in notice and "killed by SIGKILL" in notice and "goes on" in notice


def test_a_job_that_dies_twice_is_cut_in_two_until_the_deadly_run_is_alone_and_given_up() -> None:
    deadly = InProcess(die=dies_with("c", "killed"), run=does_nothing)
    steps = carried_out(deadly, a_job("a", "b", "c"), a_job("d", job_id="0002"))
    halves = [("0001", "abc"), ("0001", "abc"), ("0001a", "a"), ("0001b", "bc"), ("0001b", "bc")]
    quarters = [("0001ba", "b"), ("0001bb", "c"), ("0001bb", "c"), ("0002", "d")]
    assert names(deadly) == halves + quarters
    assert [(one.name, one.reason) for step in steps for one in step.failures] == [("c", "killed")]


def test_a_job_that_fails_is_cut_in_two_at_once_and_only_the_guilty_are_given_up() -> None:
    executor = InProcess(run=fails_with("b", "d"))
    steps = carried_out(executor, a_job("a", "b", "c", "d"))
    assert names(executor) == [
        ("0001", "abcd"), ("0001a", "ab"), ("0001aa", "a"), ("0001ab", "b"),
        ("0001b", "cd"), ("0001ba", "c"), ("0001bb", "d"),
    ]  # fmt: skip
    failures = [(one.name, one.reason) for step in steps for one in step.failures]
    assert failures == [("b", "ValueError: boom"), ("d", "ValueError: boom")]


@pytest.mark.parametrize(
    "error", [StorageError("full", hint="Free some."), RunLockedError("held", hint="Wait.")]
)
def test_a_full_disk_and_a_foreign_lock_stop_everything_for_no_other_job_would_do_better(
    error: StorageError | RunLockedError,
) -> None:
    executor = InProcess(run=fails_with("a", error=error))
    with pytest.raises(type(error), match=error.message) as caught:
        carried_out(executor, a_job("a", "b"), a_job("c", job_id="0002"))
    assert caught.value.hint == error.hint and names(executor) == [("0001", "ab")]


@pytest.mark.parametrize("ending", ["ends", "dies", "fails"])
def test_after_a_stop_no_job_begins_whatever_becomes_of_those_under_way(ending: str) -> None:
    stop, die = StopAfter(1), (lambda job: "killed") if ending == "dies" else (lambda job: None)
    executor = InProcess(slots=2, die=die, run=fails_with("a") if ending == "fails" else does_nothing)
    steps = carried_out(
        executor, a_job("a", "b"), a_job("a", "c", job_id="2"), a_job("d", job_id="3"), stop=stop
    )
    assert [job.id for job in executor.jobs] == ["0001", "2"]
    assert [job.id for step in steps for job in step.ended] == ["0001", "2"]
    assert executor.stops == 1 and not any(step.failures for step in steps)


def test_a_run_whose_process_dies_once_more_while_all_stops_is_not_given_up() -> None:
    executor = InProcess(slots=2, die=dies_with("a", "killed"), run=does_nothing)
    steps = carried_out(executor, a_job("a"), a_job("b", job_id="0002"), stop=StopAfter(2))
    assert names(executor) == [("0001", "a"), ("0002", "b"), ("0001", "a")] and executor.stops == 1
    assert not any(step.failures for step in steps)


def test_a_job_imports_nothing_that_was_not_agreed_to(tmp_path: Path) -> None:
    for values in ({"env_id": "not_agreed:Mine-v0"}, {"reward_shaping.terms": "not_agreed:terms"}):
        config = with_values(RunConfig(env_id="CartPole-v1"), values | {"reward_shaping.mode": "log"})
        with pytest.raises(UsageError, match=r"not_agreed.* would import") as caught:
            run_job(Job("1", tmp_path, (JobRun("a", config),)), lambda told: None, StopAfter())
        assert "--allow-import" in str(caught.value.hint)


# --- what is trained


def test_every_run_of_a_grid_has_the_bits_that_training_it_alone_gives(tmp_path: Path) -> None:
    spec = tiny_spec(RATES, "num_steps=16,8")
    done = sweep(spec, tmp_path, InProcess(slots=2))
    assert {len(job.runs) for job in done.executor.jobs} == {4}
    policies = set()
    for run in planned_runs(spec):
        alone = files_of(train_alone(run.config, tmp_path / "alone"))
        assert files_of(done.folder / run.name) == alone, run.name
        assert alone["status"] == "completed"
        policies.add(alone["policy.safetensors"])
    assert len(policies) == 8, "the runs have to differ for the test to mean something"


def test_the_runs_of_a_zipped_sweep_are_its_pairs(tmp_path: Path) -> None:
    done = sweep(tiny_spec("eps_clip=0.1,0.2", "gamma=0.9,0.99", zipped=True, num_seeds=1), tmp_path)
    assert done.statuses == {
        "eps_clip=0.1+gamma=0.9-s1": "completed",
        "eps_clip=0.2+gamma=0.99-s1": "completed",
    }


def test_seeds_count_up_from_the_first(tmp_path: Path) -> None:
    done = sweep(tiny_spec("eps_clip=0.1", base={"seed": 7}, num_seeds=3), tmp_path)
    assert list(done.statuses) == ["eps_clip=0.1-s7", "eps_clip=0.1-s8", "eps_clip=0.1-s9"]
    assert [run.summary["seed"] for run in done.runner.runs()] == [7, 8, 9]


def test_the_same_sweep_again_trains_nothing_and_says_the_same(undisturbed: Reference) -> None:
    runs_dir = undisturbed.swept.folder.parent
    assert runner_of(tiny_spec(RATES), runs_dir).missing() == []
    again = sweep(tiny_spec(RATES), runs_dir)
    assert again.executor.jobs == [] and again.folder == undisturbed.swept.folder
    assert again.runner.summary() == undisturbed.swept.runner.summary()
    assert sweep_files(again.folder) == undisturbed.files


def test_more_values_and_more_seeds_add_runs_to_the_folder(tmp_path: Path) -> None:
    first = sweep(tiny_spec("eps_clip=0.1,0.3", num_seeds=1), tmp_path)
    values = sweep(tiny_spec("eps_clip=0.2", num_seeds=1), tmp_path)
    seeds = sweep(tiny_spec("eps_clip=0.3", num_seeds=2), tmp_path)
    assert first.folder == values.folder == seeds.folder
    assert values.executor.trained == ["eps_clip=0.2-s1"]
    assert seeds.executor.trained == ["eps_clip=0.1-s2", "eps_clip=0.2-s2", "eps_clip=0.3-s2"]
    assert seeds.statuses == {f"eps_clip={v}-s{s}": "completed" for v in (0.1, 0.2, 0.3) for s in (1, 2)}
    assert [point["n_seeds"] for point in seeds.runner.summary()["points"]] == [2, 2, 2]
    everything = sweep(tiny_spec("eps_clip=0.1,0.2,0.3"), tmp_path / "at once")
    assert sweep_files(seeds.folder) == sweep_files(everything.folder)


def test_another_sweep_of_the_default_name_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    folders = [
        open_sweep(tiny_spec("eps_clip=0.1", base={"gamma": gamma}), tmp_path, None)[0].name
        for gamma in (0.9, 0.99, 0.9)
    ]
    assert folders == ["CartPole-v1-eps_clip", "CartPole-v1-eps_clip-2", "CartPole-v1-eps_clip"]


def test_under_a_typed_name_another_sweep_is_refused_with_the_difference(tmp_path: Path) -> None:
    open_sweep(tiny_spec("eps_clip=0.1"), tmp_path, "mine")
    with pytest.raises(
        UsageError, match=r"holds another sweep: learning\.gamma of CartPole-v1 is 0\.99 here and 0\.5"
    ) as caught:
        open_sweep(tiny_spec("eps_clip=0.1", base={"gamma": 0.5}), tmp_path, "mine")
    assert "--name" in str(caught.value.hint)
    with pytest.raises(UsageError, match="swept is eps_clip here and gamma there"):
        open_sweep(tiny_spec("gamma=0.9"), tmp_path, "mine")
    assert [sweep.name for sweep in list_sweeps(tmp_path)] == ["mine"]


def test_a_folder_that_is_no_sweep_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "CartPole-v1-eps_clip").mkdir()
    (tmp_path / "CartPole-v1-eps_clip" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is no sweep"):
        open_sweep(tiny_spec("eps_clip"), tmp_path, "CartPole-v1-eps_clip")
    assert open_sweep(tiny_spec("eps_clip"), tmp_path, None)[0].name == "CartPole-v1-eps_clip-2"


def test_a_folder_says_what_it_holds_beyond_what_is_asked_for(tmp_path: Path) -> None:
    open_sweep(tiny_spec("eps_clip=0.1,0.2", num_seeds=3), tmp_path, None)
    _, spec, notices = open_sweep(tiny_spec("eps_clip=0.2"), tmp_path, None)
    assert len(spec.points()) == 2 and spec.num_seeds == 3
    assert "eps_clip = 0.1 and 3 seeds" in notices[-1]
    assert open_sweep(tiny_spec("eps_clip=0.1,0.2", num_seeds=3), tmp_path, None)[2][1:] == []


def test_a_default_name_can_name_a_folder() -> None:
    assert default_name(tiny_spec("env_kwargs.x=1,2")) == "CartPole-v1-env_kwargs.x"
    many = [f"custom.{'w' * 30}{i}=1,2" for i in range(5)]
    assert len(default_name(tiny_spec(*many))) <= 80


# --- going on


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_a_sweep_that_is_stopped_at_any_moment_goes_on_to_the_same_bits(
    share: float, undisturbed: Reference, tmp_path: Path, every_iteration: None
) -> None:
    stopped = sweep(tiny_spec(RATES), tmp_path, stop=undisturbed.stop_at(share))
    assert set(stopped.statuses.values()) != {"completed"} and stopped.reports[-1].stage == "stopped"
    assert json.loads((stopped.folder / "summary.json").read_text())["status"] == "incomplete"
    done = {name for name, status in stopped.statuses.items() if status == "completed"}
    again = sweep(tiny_spec(RATES), tmp_path)
    assert set(again.executor.trained) == set(again.statuses) - done
    assert sweep_files(again.folder) == undisturbed.files


def killed_somewhere(spec: SweepSpec, runs_dir: Path, operations: int, seed: int) -> set[str]:
    """Kill a sweep at one of its file operations; the runs that it has completed by then."""
    rng = random.Random(seed)
    faults = Faults(rng.randrange(1, operations), torn=rng.random() < 0.5)
    with faults.installed(), pytest.raises(Killed):
        sweep(spec, runs_dir)
    return {run.name for found in list_sweeps(runs_dir) for run in found.runs() if is_complete(run)}


@pytest.mark.parametrize("seed", range(4))
def test_a_sweep_that_is_killed_at_any_moment_goes_on_to_the_same_bits(
    seed: int, undisturbed: Reference, tmp_path: Path, every_iteration: None
) -> None:
    done = killed_somewhere(tiny_spec(RATES), tmp_path, undisturbed.operations, seed)
    again = sweep(tiny_spec(RATES), tmp_path)
    assert set(again.executor.trained) == set(again.statuses) - done
    assert sweep_files(again.folder) == undisturbed.files
    assert [path.name for path in tmp_path.rglob("*") if "tmp" in path.name.lower()] == []


def is_complete(run: RunDir) -> bool:
    return (run.read_summary() or {}).get("status") == "completed"


def killed_between_checkpoints(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> SweepRunner:
    """A sweep of four runs, killed when two of them had their third checkpoint and two had not."""
    save, saved = Recorder.checkpoint, [0]

    def checkpoint(*args: Any) -> None:
        saved[0] += 1
        if saved[0] == 4 + 4 + 2 + 1:
            raise Killed
        save(*args)

    runner = runner_of(tiny_spec(RATES), runs_dir)
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "checkpoint", checkpoint)
        with pytest.raises(Killed):
            list(runner.run())
    return runner


def test_members_that_are_one_checkpoint_apart_go_on_as_one_population(
    undisturbed: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every_iteration: None
) -> None:
    runner = killed_between_checkpoints(tmp_path, monkeypatch)
    configs = {run.name: run.config for run in planned_runs(runner.spec)}
    folder = runner.folder
    assert [checkpoint_iterations(folder.run(name)) for name in configs] == [[3, 2], [3, 2], [2, 1], [2, 1]]
    (population,) = prepare_in_folder(configs, folder.path, env_requested="", command="")
    assert [member.iteration for member in population.members] == [2, 2, 2, 2]
    assert sweep_files(sweep(tiny_spec(RATES), tmp_path).folder) == undisturbed.files


def test_a_member_whose_older_checkpoint_is_damaged_does_not_go_back_to_it(
    undisturbed: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every_iteration: None
) -> None:
    runner = killed_between_checkpoints(tmp_path, monkeypatch)
    configs = {run.name: run.config for run in planned_runs(runner.spec)}
    first = runner.folder.run(next(iter(configs)))
    (first.checkpoints_path / "it-000002" / "state.safetensors").write_bytes(b"damaged")
    populations = prepare_in_folder(configs, runner.folder.path, env_requested="", command="")
    assert sorted(population.members[0].iteration for population in populations) == [2, 3]
    assert sweep_files(sweep(tiny_spec(RATES), tmp_path).folder) == undisturbed.files


def test_a_run_that_was_made_with_other_settings_is_not_taken_for_the_sweeps(tmp_path: Path) -> None:
    stopped = sweep(tiny_spec(RATES), tmp_path, stop=StopAfter(3))
    run = stopped.folder / "learning_rate=0.03-s2"
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("learning_rate: 0.03", "learning_rate: 0.02"))
    again = sweep(tiny_spec(RATES), tmp_path)
    assert [name for name, status in again.statuses.items() if status != "completed"] == [run.name]
    assert "learning.learning_rate 0.02, not 0.03" in str(again.reasons[run.name])


# --- runs that diverge or fail


def unlucky(fault: str, seed: int = 2) -> dict[str, Any]:
    """Settings with which the first episode of one environment of the runs with ``seed`` fails."""
    return {"env_kwargs": {"fault": fault, "unlucky": episode_seed(seed, Stream.EPISODE, 1, 0)}}


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("nan", "diverged", "reward of environment 1 became non-finite at step 3, in iteration 1"),
        ("raises", "failed", "Faulty-v0 failed in step"),
    ],
)
def test_a_run_that_is_lost_says_why_and_the_others_of_its_population_do_not_notice(
    fault: str, status: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_spec(RATES, env_id=FAULTY, base=unlucky(fault))
    done = sweep(spec, tmp_path)
    lost = ["learning_rate=0.003-s2", "learning_rate=0.03-s2"]
    assert done.statuses == {
        "learning_rate=0.003-s1": "completed", lost[0]: status,
        "learning_rate=0.03-s1": "completed", lost[1]: status,
    }  # fmt: skip
    document = done.runner.summary()
    assert document["status"] == "failed" and done.reports[-1].failed == 2
    for name, failed in zip(lost, document["failed"], strict=True):
        assert (failed["run"], failed["seed"], failed["status"]) == (name, 2, status)
        assert reason in failed["reason"] and reason in str(done.reasons[name])
    monkeypatch.setenv("FAULTY_IS_CURED", "1")
    healthy = sweep(spec, tmp_path / "healthy")
    for name in healthy.statuses.keys() - set(lost):
        assert files_of(done.folder / name) == files_of(healthy.folder / name)


def test_what_is_lost_is_tried_again_only_when_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_spec("env_kwargs.fault=no,nan,raises", env_id=FAULTY, num_seeds=1)
    first = sweep(spec, tmp_path)
    assert list(first.statuses.values()) == ["completed", "diverged", "failed"]
    assert sweep(spec, tmp_path).executor.jobs == [] == runner_of(spec, tmp_path).missing()
    still = sweep(spec, tmp_path, retry_failed=True)
    assert still.statuses == first.statuses, "tried once more, not for ever"
    assert still.executor.trained == ["env_kwargs.fault=nan-s1", "env_kwargs.fault=raises-s1"]
    monkeypatch.setenv("FAULTY_IS_CURED", "1")
    mended = sweep(spec, tmp_path, retry_failed=True)
    assert mended.executor.trained == still.executor.trained
    assert set(mended.statuses.values()) == {"completed"} and mended.runner.summary()["failed"] == []


def test_an_environment_that_fails_for_one_setting_costs_the_runs_of_that_setting(tmp_path: Path) -> None:
    done = sweep(tiny_spec("env_kwargs.fault=raises,no", env_id=FAULTY, num_seeds=3), tmp_path)
    assert [status for name, status in done.statuses.items() if "raises" in name] == ["failed"] * 3
    assert [status for name, status in done.statuses.items() if "=no" in name] == ["completed"] * 3
    reasons = {done.reasons[name] for name in done.statuses if "raises" in name}
    assert all("ValueError: the pole is gone" in str(reason) for reason in reasons)


def test_a_run_that_kills_its_process_twice_is_given_up_with_the_reason(tmp_path: Path) -> None:
    deadly = "learning_rate=0.03-s1"
    done = sweep(tiny_spec(RATES), tmp_path, InProcess(die=dies_with(deadly, "killed by SIGSEGV")))
    assert [name for name, status in done.statuses.items() if status != "completed"] == [deadly]
    assert done.statuses[deadly] == "failed"
    assert done.reasons[deadly] == "killed by SIGSEGV"
    (failed,) = done.runner.summary()["failed"]
    assert failed["run"] == deadly and failed["point"] == {"learning_rate": 0.03}


def test_a_run_that_only_failed_beside_a_guilty_one_is_not_lost_when_the_sweep_is_killed_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_spec(RATES, env_id=FAULTY, base=unlucky("raises"))
    runner = runner_of(spec, tmp_path)
    for step in runner.run():
        if step.notices:
            break  # the population failed as a whole; who is to blame is not known yet
    states = {json.loads((run.path / "summary.json").read_text())["status"] for run in runner.folder.runs()}
    assert states == {"failed"}
    again = sweep(spec, tmp_path)
    assert sorted(again.statuses.values()) == ["completed", "completed", "failed", "failed"]


def test_a_return_that_is_not_a_number_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    final = episode_seed(episode_seed(1, Stream.FINAL_EVAL, 0, 0), Stream.FINAL_EVAL, 0, 0)
    base = {"env_kwargs": {"fault": "nan", "unlucky": final}}
    done = sweep(tiny_spec("eps_clip=0.1", env_id=FAULTY, base=base), tmp_path)
    assert list(done.statuses.values()) == ["failed", "completed"]
    assert "not a number" in str(done.reasons["eps_clip=0.1-s1"])


def test_a_full_disk_stops_the_sweep_and_nobody_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StorageError("cannot write x: No space left on device", hint="Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr("ppo_cli.learn.trainer.train_iteration", full)
        with pytest.raises(StorageError, match="No space left") as caught:
            sweep(tiny_spec(RATES), tmp_path)
    assert caught.value.hint == "Free some space."
    done = sweep(tiny_spec(RATES), tmp_path)
    assert set(done.statuses.values()) == {"completed"}


def test_a_run_that_another_process_trains_stops_the_sweep(tmp_path: Path) -> None:
    stopped = sweep(tiny_spec(RATES), tmp_path, stop=StopAfter(3))
    run = RunDir(stopped.folder / "learning_rate=0.03-s1")
    with run.lock(), pytest.raises(RunLockedError, match=run.name):
        sweep(tiny_spec(RATES), tmp_path)
    assert set(sweep(tiny_spec(RATES), tmp_path).statuses.values()) == {"completed"}


# --- pruning


@pytest.mark.parametrize("evaluations", [2, 3, 7, 10, 25])
def test_rungs_fall_on_iterations_that_are_evaluated(evaluations: int) -> None:
    for iterations in (evaluations, 16, 37, 100, 101):
        config = with_values(
            RunConfig(env_id="CartPole-v1"),
            {"num_envs": 2, "num_steps": 16, "total_timesteps": 32 * iterations, "num_evals": evaluations},
        )
        rungs = [rung_iteration(config, share) for share in RUNGS]
        for rung in rungs:
            at = SimpleNamespace(config=config, num_iterations=iterations, iteration=rung)
            assert trainer.evaluation_due(at), (iterations, rung)  # type: ignore[arg-type]
        assert rungs == sorted(rungs) and rungs[-1] < iterations
        if evaluations >= 10 and iterations >= evaluations:
            assert rungs[-1] == pytest.approx(iterations / 2, abs=1 + iterations / evaluations)


def test_without_evaluations_on_the_way_nothing_can_be_pruned() -> None:
    with pytest.raises(UsageError, match="num_evals is 1"):
        rung_iteration(with_values(RunConfig(env_id="CartPole-v1"), {"num_evals": 1}), 0.5)


def test_a_rung_keeps_the_better_half_but_two_at_least_and_lost_points_come_last() -> None:
    def kept(*scores: float) -> list[int]:
        points = {Point.of({"gamma": index}): score for index, score in enumerate(scores)}
        return [int(dict(point.values)["gamma"]) for point in survivors(points)]

    assert kept(1.0, 5.0, 3.0, 4.0, 2.0) == [1, 2, 3]
    assert kept(5.0, 1.0, 3.0) == [0, 2]
    assert kept(1.0, 2.0) == [0, 1]
    assert kept(-1e9, math.nan, math.nan, -2e9) == [0, 3]
    assert 2 in kept(math.nan, math.nan, 1.0)


def test_pruning_stops_the_worse_half_at_each_rung_and_trains_on_with_the_rest(tmp_path: Path) -> None:
    """The better a point is paid the more it returns, whatever it has learned."""
    pays = "env_kwargs.pay=1.0,1e4,1e2,1e6,1e8"
    done = sweep(tiny_spec(pays, env_id=FAULTY, base=OFTEN, prune=True), tmp_path)
    ended = {run.planned.name: (run.status, run.global_step) for run in done.runner.runs()}
    expected = {
        "1.0": ("pruned", 32),
        "100.0": ("pruned", 32),
        "10000.0": ("pruned", 64),
        "1000000.0": ("completed", 256),
        "100000000.0": ("completed", 256),
    }
    assert ended == {f"env_kwargs.pay={pay}-s{s}": what for pay, what in expected.items() for s in (1, 2)}
    worst, third = (str(done.reasons[f"env_kwargs.pay={pay}-s1"]) for pay in ("1.0", "10000.0"))
    assert "rung at 12.5 % of the steps: mean" in worst and "place 5 of 5" in worst
    assert "rung at 25 % of the steps: mean" in third and "place 3 of 3" in third
    document = done.runner.summary()
    assert document["steps"] == {"done": 2 * (32 + 32 + 64 + 256 + 256), "unpruned": 2 * 5 * 256}
    assert document["status"] == "completed" and document["failed"] == []
    assert [(point["n_seeds"], point["pruned"]) for point in document["points"]].count((0, 2)) == 3


def test_the_losing_rows_leave_the_population_and_the_winners_have_the_bits_of_full_training(
    pruned: Reference, tmp_path: Path
) -> None:
    assert [len(job.runs) for job in pruned.swept.executor.jobs] == [8, 4, 4, 4], "all, then half of them"
    won = [name for name, status in pruned.swept.statuses.items() if status == "completed"]
    assert len(won) == 4
    for run in planned_runs(PRUNED_SPEC):
        if run.name in won:
            assert pruned.files[run.name] == files_of(train_alone(run.config, tmp_path))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_a_pruned_sweep_that_is_stopped_decides_the_same_when_it_goes_on(
    share: float, pruned: Reference, tmp_path: Path
) -> None:
    stopped = sweep(PRUNED_SPEC, tmp_path, stop=pruned.stop_at(share))
    assert stopped.runner.summary()["status"] == "incomplete"
    again = sweep(PRUNED_SPEC, tmp_path)
    assert again.statuses == pruned.swept.statuses and "pruned" in again.statuses.values()
    assert sweep_files(again.folder) == pruned.files


@pytest.mark.parametrize("seed", range(3))
def test_a_pruned_sweep_that_is_killed_decides_the_same_when_it_goes_on(
    seed: int, pruned: Reference, tmp_path: Path, every_iteration: None
) -> None:
    killed_somewhere(PRUNED_SPEC, tmp_path, pruned.operations, seed)
    again = sweep(PRUNED_SPEC, tmp_path)
    assert again.statuses == pruned.swept.statuses
    assert sweep_files(again.folder) == pruned.files


def test_a_pruned_sweep_again_trains_nothing(pruned: Reference) -> None:
    runs_dir = pruned.swept.folder.parent
    assert runner_of(PRUNED_SPEC, runs_dir).missing() == []
    assert sweep(PRUNED_SPEC, runs_dir).executor.jobs == []


def test_a_point_that_loses_a_run_before_a_rung_does_not_pass_it(tmp_path: Path) -> None:
    """The best paid point is the only one that meets its unlucky episode."""
    bad = episode_seed(2, Stream.EPISODE, 1, 0)
    params = ("env_kwargs.pay=1.0,1e2,1e4,1e6", f"env_kwargs.unlucky=1,2,3,{bad}")
    base = OFTEN | {"env_kwargs": {"fault": "nan"}}
    done = sweep(tiny_spec(*params, env_id=FAULTY, base=base, zipped=True, prune=True), tmp_path)
    ended = [
        (run.planned.config.env_kwargs["pay"], run.planned.seed, run.status) for run in done.runner.runs()
    ]
    assert [one for one in ended if one[0] == 1e6] == [(1e6, 1, "pruned"), (1e6, 2, "diverged")]
    assert {pay for pay, _, status in ended if status == "completed"} == {1e2, 1e4}


@pytest.fixture
def rich_run_diverges(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second seed of the best paid point diverges in its third iteration, after it has passed a rung."""
    learn = trainer.learn

    def poisoned(state: PopulationState, rollout: Any) -> Any:
        if state.config.env_kwargs["pay"] == 1e6 and state.iteration == 2 and 2 in state.seeds:
            state.learner.agent.params[state.seeds.index(2), 0] = math.nan
        return learn(state, rollout)

    monkeypatch.setattr(trainer, "learn", poisoned)


RICH_SPEC = tiny_spec("env_kwargs.pay=1.0,1e2,1e4,1e6,1e8", env_id=FAULTY, base=OFTEN, prune=True)


def test_a_run_that_is_lost_after_a_rung_does_not_change_what_the_rung_has_decided(
    tmp_path: Path, rich_run_diverges: None
) -> None:
    first = sweep(RICH_SPEC, tmp_path)
    counts = [list(first.statuses.values()).count(one) for one in ("completed", "diverged", "pruned")]
    assert counts == [3, 1, 6]
    again = sweep(RICH_SPEC, tmp_path)
    assert again.executor.jobs == [] and again.statuses == first.statuses


def test_a_lost_run_of_a_pruned_sweep_is_tried_again_once_and_not_at_every_rung(
    tmp_path: Path, rich_run_diverges: None
) -> None:
    sweep(RICH_SPEC, tmp_path)
    again = sweep(RICH_SPEC, tmp_path, retry_failed=True)
    tries = 2 * ["env_kwargs.pay=1000000.0-s2"]
    assert again.executor.trained == tries, "to the rung at which it stands, and on from there"


def test_without_pruning_what_was_pruned_is_trained_to_its_end(pruned: Reference, tmp_path: Path) -> None:
    shutil.copytree(pruned.swept.folder, tmp_path / pruned.swept.folder.name)
    whole = sweep(replace(PRUNED_SPEC, prune=False), tmp_path)
    assert set(whole.statuses.values()) == {"completed"}
    lost = [name for name, status in pruned.swept.statuses.items() if status == "pruned"]
    assert sorted(whole.executor.trained) == sorted(lost)
    first = next(run for run in planned_runs(PRUNED_SPEC) if run.name in lost)
    assert files_of(whole.folder / first.name) == files_of(train_alone(first.config, tmp_path / "alone"))


# --- searching


SEARCHED = ("learning_rate=0.0001..0.1:log", "eps_clip=0.1,0.3")
RANGES = (*SEARCHED, "num_epochs=1..3")


def any_point(point: Point) -> bool:
    return True


def asked(kind: str, told: dict[Point, float], count: int, *params: str, seed: int = 1) -> list[Point]:
    return ask(kind, tuple(map(parse_param, params or RANGES)), told, count, seed, any_point)


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_a_search_asks_for_different_points_within_its_ranges(kind: str) -> None:
    params = (
        "learning_rate=0.00123456..0.00123467:log",
        "eps_clip=0.1,0.3",
        "num_epochs=1..3",
        "gamma=0.5..0.6",
    )
    told: dict[Point, float] = {}
    for round_number in range(4):
        points = asked(kind, told, 5, *params)
        told |= {point: float(round_number) for point in points}
        for point in points:
            value: dict[str, Any] = dict(point.values)
            assert list(value) == ["learning_rate", "eps_clip", "num_epochs", "gamma"]
            assert 0.00123456 <= value["learning_rate"] <= 0.00123467 and value["eps_clip"] in (0.1, 0.3)
            assert value["num_epochs"] in (1, 2, 3) and isinstance(value["num_epochs"], int)
            assert 0.5 <= value["gamma"] <= 0.6 and float(f"{value['gamma']:.{DIGITS}g}") == value["gamma"]
    assert len(told) == 20


def test_a_search_that_has_tried_everything_asks_for_nothing_more() -> None:
    told = dict.fromkeys(asked("random", {}, 9, "eps_clip=0.1,0.3", "num_epochs=1..3"), 1.0)
    assert len(told) == 6
    assert asked("random", told, 3, "eps_clip=0.1,0.3", "num_epochs=1..3") == []


def test_points_whose_settings_do_not_go_together_are_not_asked_for() -> None:
    params = tuple(map(parse_param, RANGES))
    points = ask("random", params, {}, 20, 1, lambda point: dict(point.values)["num_epochs"] != 2)
    assert {dict(point.values)["num_epochs"] for point in points} == {1, 3}


def test_tpe_goes_where_returns_were_high() -> None:
    draws = asked("random", {}, 30, "gamma=0.0..1.0")
    values = [float(dict(point.values)["gamma"]) for point in draws]

    def distance(target: float) -> float:
        told = {point: -abs(value - target) for point, value in zip(draws, values, strict=True)}
        found = [float(dict(point.values)["gamma"]) for point in asked("tpe", told, 8, "gamma=0.0..1.0")]
        return sum(abs(value - target) for value in found) / len(found)

    assert distance(0.1) < 0.3 and distance(0.9) < 0.3, "at random it is 0.41"


def test_tpe_is_told_what_the_points_came_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, dict[Point, float]]] = []

    def listening(kind: str, params: Any, told: dict[Point, float], *rest: Any) -> list[Point]:
        calls.append((kind, dict(told)))
        return ask(kind, params, told, *rest)

    monkeypatch.setattr(search, "ask", listening)
    done = sweep(tiny_spec(*SEARCHED, search="tpe", trials=11, num_seeds=2, base=QUICK), tmp_path)
    means = {one.point: one.mean for one in by_point(done.runner.runs())}
    first, second = calls
    assert first == ("tpe", {}) and second[0] == "tpe"
    assert second[1] == dict(list(means.items())[:10])


def test_tpe_begins_at_random_and_then_asks_for_a_few_at_a_time() -> None:
    assert generations("random", 25, 4) == [25]
    assert generations("tpe", 25, 4) == [10, 4, 4, 4, 3]
    assert generations("tpe", 7, 4) == [7]


@pytest.fixture(scope="module", params=["random", "tpe", "tpe and prune"])
def searched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A search that nothing has happened to."""
    kind, _, prune = request.param.partition(" and ")
    fields: dict[str, Any] = {"search": kind, "trials": 13, "num_seeds": 1, "prune": bool(prune)}
    return Reference.of(tiny_spec(*SEARCHED, base=QUICK, **fields), tmp_path_factory.mktemp("searched"))


@pytest.mark.parametrize("share", [0.1, 0.7])
def test_a_search_that_is_stopped_at_any_moment_comes_to_the_same_points(
    share: float, searched: Reference, tmp_path: Path
) -> None:
    whole, spec = searched.swept.runner.spec, replace(searched.swept.runner.spec, asked=())
    points = [point.label for point in whole.points()]
    assert len(set(points)) == 13 and ("pruned" in searched.swept.statuses.values()) == spec.prune
    stopped = sweep(spec, tmp_path, stop=searched.stop_at(share))
    assert stopped.reports[-1].stage == "stopped"
    again = sweep(spec, tmp_path)
    assert [point.label for point in read_spec(again.runner.folder.spec_path).points()] == points
    assert sweep_files(again.folder) == searched.files
    assert sweep(spec, tmp_path).executor.jobs == [] == runner_of(spec, tmp_path).missing()


def test_more_trials_add_points_to_a_search(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"search": "random", "num_seeds": 1, "base": QUICK}
    first = sweep(tiny_spec(*SEARCHED, trials=3, **fields), tmp_path)
    more = sweep(tiny_spec(*SEARCHED, trials=5, **fields), tmp_path)
    assert more.folder == first.folder
    assert more.runner.spec.points()[:3] == first.runner.spec.points()
    assert len(more.executor.trained) == 2 and len(set(more.statuses)) == 5
    wider = tiny_spec("learning_rate=0.0001..0.2:log", *SEARCHED[1:], trials=5, **fields)
    with pytest.raises(UsageError, match="the search was over"):
        open_sweep(wider, tmp_path, None)


def test_before_a_search_starts_its_number_of_runs_is_known(tmp_path: Path) -> None:
    spec = tiny_spec(*SEARCHED, search="tpe", trials=13, base=QUICK)
    runner = runner_of(spec, tmp_path)
    coming = [run.name for part in runner.missing() for run in part]
    assert len(set(coming)) == 26 and runner.spec.asked == ()
    first = [point.label for point in sweep(spec, tmp_path).runner.spec.points()[:10]]
    assert {name.rpartition("-s")[0] for name in coming} >= set(first)


# --- held-out seeds


def test_the_best_point_is_trained_again_on_seeds_that_the_sweep_has_not_seen(tmp_path: Path) -> None:
    spec = tiny_spec("env_kwargs.pay=1.0,100.0,10.0", env_id=FAULTY, confirm=3, base=QUICK)
    done = sweep(spec, tmp_path)
    best = done.runner.summary()["best"]
    assert best["point"] == {"env_kwargs.pay": 100.0} and best["n_seeds"] == 2
    runs = done.runner.folder.held_out.runs()
    assert len(runs) == 3 and all(is_complete(run) for run in runs)
    summaries = [run.read_summary() or {} for run in runs]
    means = [summary["eval"]["mean"] for summary in summaries]
    assert best["held_out"]["n_seeds"] == 3 and best["held_out"]["mean"] == pytest.approx(sum(means) / 3)
    assert not {summary["seed"] for summary in summaries} & set(range(1, 1001))
    assert all("env_kwargs.pay=100.0" in run.name for run in runs)
    rows = (done.folder / "results.csv").read_text().splitlines()
    assert len(rows) == 1 + 6, "they are no runs of the sweep"
    again = sweep(spec, tmp_path)
    assert again.executor.jobs == [] and again.runner.summary() == done.runner.summary()


def test_held_out_seeds_wrap_around_and_are_still_not_those_of_the_sweep() -> None:
    spec = tiny_spec("eps_clip=0.1", base={"seed": 2**32 - 20}, num_seeds=5, confirm=10)
    run = planned_runs(spec)[0]
    found = held_out_runs(spec, [RunResult(run, RunDir(Path()), "completed", 1.0, 0, 0.0, None, {})])
    assert len({one.seed for one in found}) == 10
    assert not {one.seed for one in found} & set(spec.seeds)


def test_no_point_is_announced_before_all_runs_have_ended(tmp_path: Path, every_iteration: None) -> None:
    stopped = sweep(tiny_spec("eps_clip=0.1,0.3", confirm=2), tmp_path, stop=StopAfter(30))
    assert stopped.reports[-1].stage == "stopped" and not stopped.runner.folder.held_out.path.exists()
    done = sweep(tiny_spec("eps_clip=0.1,0.3", confirm=2), tmp_path)
    assert done.runner.summary()["best"]["held_out"]["n_seeds"] == 2


def test_a_held_out_run_that_is_lost_is_among_the_failures(tmp_path: Path) -> None:
    first = 1 + 1_000_000
    done = sweep(tiny_spec("eps_clip=0.1", env_id=FAULTY, confirm=2, base=unlucky("nan", first)), tmp_path)
    document = done.runner.summary()
    assert [one["seed"] for one in document["failed"]] == [first]
    assert document["best"]["held_out"]["n_seeds"] == 1


# --- what the results say


def a_point(gamma: float, *returns: float, failed: int = 0) -> PointResult:
    seeds = tuple(range(len(returns)))
    return PointResult(Point.of({"gamma": gamma}), seeds, returns, failed, 0, 0, 0, 0.0)


def test_the_best_point_has_the_highest_mean_of_those_that_lost_the_fewest_seeds() -> None:
    whole, better = a_point(0.1, 1.0, 2.0, 3.0), a_point(0.2, 2.0, 3.0, 4.0)
    lucky = a_point(0.3, 99.0, 99.0, failed=1)
    assert best_point([whole, better, lucky]) is better
    assert best_point([lucky, a_point(0.4, failed=3)]) is lucky, "none is whole"
    assert best_point([a_point(0.5, 50.0), whole]) is whole, "one seed is less than three"
    assert best_point([a_point(0.6)]) is None


def test_a_sweep_names_the_point_that_keeps_its_seeds_as_best(tmp_path: Path) -> None:
    params = ("env_kwargs.pay=1.0,100.0", "env_kwargs.fault=no,nan")
    base = QUICK | unlucky("nan")
    done = sweep(tiny_spec(*params, env_id=FAULTY, base=base, zipped=True), tmp_path)
    assert list(done.statuses.values()) == 3 * ["completed"] + ["diverged"]
    assert done.runner.summary()["best"]["point"]["env_kwargs.pay"] == 1.0
    assert done.reports[-1].best is not None and done.reports[-1].best[2] == 2


def test_results_csv_has_a_row_for_each_run_with_the_swept_values_in_columns(tmp_path: Path) -> None:
    params = ("hidden_sizes=8x8", "env_kwargs.fault=no,nan", "target_kl=null,0.1")
    done = sweep(tiny_spec(*params, env_id=FAULTY, num_seeds=1, base=QUICK), tmp_path)
    with (done.folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "hidden_sizes", "env_kwargs.fault", "target_kl", "seed", "status", "eval_mean", "eval_std",
        "eval_episodes", "global_step", "wall_time", "reason", "run",
    ]  # fmt: skip
    assert [row["run"] for row in rows] == list(done.statuses)
    assert [row["status"] for row in rows] == ["completed", "completed", "diverged", "diverged"]
    assert [(row["hidden_sizes"], row["env_kwargs.fault"], row["target_kl"]) for row in rows[:2]] == [
        ("[8, 8]", "no", ""), ("[8, 8]", "no", "0.1"),
    ]  # fmt: skip
    summary = json.loads((done.folder / rows[0]["run"] / "summary.json").read_text())
    assert float(rows[0]["eval_mean"]) == summary["eval"]["mean"] and rows[0]["eval_episodes"] == "3"
    assert rows[2]["eval_mean"] == "" and "non-finite" in rows[2]["reason"] and rows[0]["reason"] == ""


def test_the_summary_has_the_promised_keys_and_is_what_the_folders_say(undisturbed: Reference) -> None:
    folder = undisturbed.swept.runner.folder
    document = json.loads(folder.summary_path.read_text())
    keys = {"sweep_dir", "runs", "points", "best", "failed", "sentence", "objective", "status"}
    assert keys <= set(document)
    run_keys = {
        "run_dir", "env_id", "algorithm", "seed", "status", "global_step", "wall_time",
        "steps_per_second", "eval",
    }  # fmt: skip
    assert all(run_keys | {"point"} <= set(run) for run in document["runs"]) and len(document["runs"]) == 4
    assert all({"mean", "std", "ci95", "episodes"} <= set(run["eval"]) for run in document["runs"])
    for point in document["points"]:
        assert {"point", "n_seeds", "mean", "ci95", "iqm", "failed", "steps", "wall_time"} <= set(point)
        own = [run["eval"]["mean"] for run in document["runs"] if run["point"] == point["point"]]
        assert point["returns"] == own and point["mean"] == pytest.approx(sum(own) / 2)
        assert point["ci95"][0] <= point["mean"] <= point["ci95"][1] and point["steps"] == 640
    assert document["best"]["mean"] == max(point["mean"] for point in document["points"])
    _, runs = sweep_results(folder)
    assert [point.to_json() for point in by_point(runs)] == document["points"]


def test_a_summary_says_what_is_missing(tmp_path: Path) -> None:
    runner = runner_of(tiny_spec(RATES), tmp_path)
    runner.missing()
    runner.write_summary()
    document = json.loads(runner.folder.summary_path.read_text())
    assert document["status"] == "incomplete" and document["best"] is None and document["failed"] == []
    assert [point["missing"] for point in document["points"]] == [2, 2]
    assert [run["status"] for run in document["runs"]] == ["waiting"] * 4
    assert document["points"][0]["mean"] is None


def test_the_summary_of_a_sweep_under_way_says_what_is_done(tmp_path: Path) -> None:
    runner = runner_of(tiny_spec("num_steps=16,8", base=QUICK), tmp_path)
    next(report for report in runner.run() if report.done)
    document = json.loads(runner.folder.summary_path.read_text())
    assert document["status"] == "incomplete"
    assert [run["status"] for run in document["runs"]] == 2 * ["completed"] + 2 * ["waiting"]
    assert len((runner.folder.results_path).read_text().splitlines()) == 1 + 4


def test_environments_are_not_compared_with_each_other(tmp_path: Path) -> None:
    envs = ("CartPole-v1", "Acrobot-v1")
    bases = tuple(tiny_spec("eps_clip", env_id=env, base=QUICK).base for env in envs)
    fields: dict[str, Any] = {"num_seeds": 1, "confirm": 2}
    spec = SweepSpec(bases, ",".join(envs), (parse_param("env_id=CartPole-v1,Acrobot-v1"),), **fields)
    done = sweep(spec, tmp_path)
    document = done.runner.summary()
    assert document["best"] is None and "not compared" in document["sentence"]
    assert [run["env_id"] for run in document["runs"]] == ["CartPole-v1", "Acrobot-v1"]
    assert not done.runner.folder.held_out.path.exists()


def test_reports_tell_how_far_the_sweep_is(tmp_path: Path) -> None:
    done = sweep(tiny_spec("env_kwargs.fault=no,raises", env_id=FAULTY, base=QUICK), tmp_path)
    *_, last = done.reports
    assert (last.stage, last.total, last.done, last.failed, last.running) == ("done", 4, 2, 2, 0)
    assert [row.label for row in last.rows] == ["env_kwargs.fault=no", "env_kwargs.fault=raises"]
    assert [[cell.status for cell in row.cells] for row in last.rows] == [["completed"] * 2, ["failed"] * 2]
    assert all(cell.fraction == 1.0 and cell.eval_mean for cell in last.rows[0].cells)
    counts = [report.done + report.failed for report in done.reports]
    assert counts == sorted(counts)
    notices = [notice for report in done.reports for notice in report.notices]
    assert len(notices) == 1 and "two jobs" in notices[0]


# --- estimates


class Measured(InProcess):
    """An executor whose probes measure what a test says."""

    def __init__(self, slots: int, iteration_seconds: float, step_seconds: float) -> None:
        numbers = {"iteration_seconds": iteration_seconds, "step_seconds": step_seconds}
        super().__init__(slots, run=lambda job, tell, stop: {"probe": numbers})


def estimated(executor: InProcess, spec: SweepSpec, runs_dir: Path) -> Estimate:
    runner = runner_of(spec, runs_dir, executor)
    make = probe_job(runner.folder.path, spec.env_requested, False)
    return estimate(runner.missing(), executor, ((),) * executor.slots, make, StopAfter())


def test_an_estimate_adds_up_iterations_and_evaluations_of_the_slot_that_ends_last(tmp_path: Path) -> None:
    spec = tiny_spec("num_steps=16,8,32", num_seeds=2)  # 10, 20 and 5 iterations
    assert estimated(Measured(1, 1.0, 0.0), spec, tmp_path).seconds == pytest.approx(10 + 20 + 5)
    assert estimated(Measured(2, 1.0, 0.0), spec, tmp_path).seconds == pytest.approx(20), "10 and 5 beside 20"
    episodes = 5 * 2 + 3
    one = tiny_spec("eps_clip=0.1", num_seeds=2)
    assert estimated(Measured(1, 0.0, 1.0), one, tmp_path).seconds == pytest.approx(2 * episodes * 250)


def test_an_estimate_counts_what_is_left(tmp_path: Path, every_iteration: None) -> None:
    stopped = sweep(tiny_spec(RATES), tmp_path, stop=StopAfter(30))
    done = sum(run.global_step for run in stopped.runner.runs())
    assert 0 < done < 4 * 320
    executor = Measured(1, 1.0, 0.0)
    runner = runner_of(tiny_spec(RATES), tmp_path, executor)
    make = probe_job(runner.folder.path, "CartPole-v1", False)
    parts, share_done = runner.missing(), runner.board.share_done
    found = estimate(parts, executor, [()], make, StopAfter(), share_done)
    assert found.steps == 4 * 320 - done and found.seconds == pytest.approx(10 * (1 - done / (4 * 320)))


def test_an_estimate_trains_a_little_and_writes_nothing(tmp_path: Path) -> None:
    executor = InProcess(slots=2)
    found = estimated(executor, tiny_spec(RATES, confirm=0), tmp_path)
    assert found.seconds is not None and 0 < found.seconds < 60
    assert found.steps == 4 * 320 and all(job.probe for job in executor.jobs) and len(executor.jobs) == 2
    (folder,) = tmp_path.iterdir()
    assert [path.name for path in folder.iterdir()] == ["sweep.yaml"]


@pytest.mark.parametrize("sizes", ["8", "64x64", "256x256"])
def test_disk_space_is_estimated_from_above(sizes: str, tmp_path: Path) -> None:
    spec = tiny_spec(f"hidden_sizes={sizes}", num_seeds=1)
    found = estimated(Measured(1, 1.0, 0.0), spec, tmp_path)
    folder = sweep(spec, tmp_path).folder
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    taken = sum(path.stat().st_size for path in files)
    assert taken < found.disk < 4 * taken


def test_of_many_programs_only_some_are_measured(tmp_path: Path) -> None:
    executor = Measured(1, 1.0, 0.0)
    sizes = ",".join(f"{size}" for size in range(1, 11))
    found = estimated(executor, tiny_spec(f"hidden_sizes={sizes}", num_seeds=1), tmp_path)
    assert len(executor.jobs) == MOST_PROBES and found.seconds == pytest.approx(10 * 10)


@pytest.mark.parametrize("fault", ["raises", "nan"])
def test_a_population_that_cannot_be_measured_does_not_keep_the_others_from_being_trained(
    fault: str, tmp_path: Path
) -> None:
    spec = tiny_spec(f"env_kwargs.fault={fault},no", env_id=FAULTY)
    assert estimated(InProcess(), spec, tmp_path).seconds is not None
    alone, executor = tiny_spec(f"env_kwargs.fault={fault}", env_id=FAULTY, base={"gamma": 0.5}), InProcess()
    assert estimated(executor, alone, tmp_path).seconds is None
    assert (executor.errors == []) == (fault == "nan"), "to diverge is no error of the probe"


# --- with worker processes


def with_workers(spec: SweepSpec, runs_dir: Path, workers: int, kill: Callable[[int], object]) -> SweepRunner:
    """Run a sweep on worker processes, the first of which is killed once it has a job."""
    folder, spec, _ = open_sweep(spec, runs_dir, None)
    executor = LocalExecutor(workers)
    resources = Resources(((),) * workers)
    runner = SweepRunner(folder, spec, executor, resources, Origin("ppo sweep"), StopAfter())
    killed: list[int] = []
    try:
        for _ in runner.run():
            worker = executor._workers[0]
            if not killed and worker is not None and worker.job is not None:
                killed.append(worker._process.pid)
                kill(worker._process.pid)
    finally:
        executor.close()
    return runner


def test_worker_processes_train_to_the_same_bits_and_one_that_is_killed_costs_nothing(
    undisturbed: Reference, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill(pid: int) -> None:
        killed.append(pid)
        os.kill(pid, signal.SIGKILL)

    runner = with_workers(tiny_spec(RATES), tmp_path, 2, kill)
    assert len(killed) == 1
    assert sweep_files(runner.folder.path) == undisturbed.files


def test_held_out_seeds_can_be_asked_for_later(undisturbed: Reference, tmp_path: Path) -> None:
    """The workers' first job is in a folder that is not there yet."""
    shutil.copytree(undisturbed.swept.folder, tmp_path / undisturbed.swept.folder.name)
    runner = with_workers(tiny_spec(RATES, confirm=1), tmp_path, 1, lambda pid: None)
    assert runner.summary()["best"]["held_out"]["n_seeds"] == 1
