"""Jobs that die, fail, or are stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.sweep_helpers import (
    InProcess,
    StopAfter,
    dies_with,
)

from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import RunLockedError, StorageError
from ppo_cli.sweeps.work.job import Job, JobRun
from ppo_cli.sweeps.work.schedule import Step, carry_out


def a_job(*names: str, job_id: str = "0001", folder: Path = Path("sweep")) -> Job:
    runs = tuple(JobRun(name, RunConfig(env_id="CartPole-v1")) for name in names)
    return Job(job_id, folder, runs)


def carried_out(executor: InProcess, *jobs: Job, stop: Callable[[], bool] | None = None) -> list[Step]:
    return list(carry_out(jobs, executor, ((),) * executor.slots, stop or StopAfter()))


def names(executor: InProcess) -> list[tuple[str, str]]:
    return [(job.id, "".join(run.name for run in job.runs)) for job in executor.jobs]


def does_nothing(*_: Any) -> dict[str, Any]:
    return {"runs": {}}


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
    assert [(failure.name, failure.reason) for step in steps for failure in step.failures] == [
        ("c", "killed")
    ]


def test_a_job_that_fails_is_cut_in_two_at_once_and_only_the_guilty_are_given_up() -> None:
    executor = InProcess(run=fails_with("b", "d"))
    steps = carried_out(executor, a_job("a", "b", "c", "d"))
    assert names(executor) == [
        ("0001", "abcd"), ("0001a", "ab"), ("0001aa", "a"), ("0001ab", "b"),
        ("0001b", "cd"), ("0001ba", "c"), ("0001bb", "d"),
    ]  # fmt: skip
    failures = [(failure.name, failure.reason) for step in steps for failure in step.failures]
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
