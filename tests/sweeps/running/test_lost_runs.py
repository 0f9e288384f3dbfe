"""Runs of a sweep that diverge or fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.sweep_helpers import (
    FAULTY,
    QUICK,
    RATES,
    InProcess,
    StopAfter,
    dies_with,
    files_of,
    runner_of,
    sweep,
    tiny_spec,
    unlucky,
)

from ppo_cli.errors import RunLockedError, StorageError
from ppo_cli.rng import Stream, episode_seed
from ppo_cli.runs.run_dir import RunDir


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("nan", "failed", "reward of environment 1 became non-finite at step 3, in iteration 1"),
        ("huge", "diverged", "policy_loss became nan in epoch 1, minibatch 1, in iteration 1"),
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
    document = done.summary()
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
    spec = tiny_spec("env_kwargs.fault=no,huge,raises", env_id=FAULTY, num_seeds=1)
    first = sweep(spec, tmp_path)
    assert list(first.statuses.values()) == ["completed", "diverged", "failed"]
    assert sweep(spec, tmp_path).executor.jobs == [] == runner_of(spec, tmp_path).missing()
    still = sweep(spec, tmp_path, retry_failed=True)
    assert still.statuses == first.statuses, "tried once more, not for ever"
    assert still.executor.trained == ["env_kwargs.fault=huge-s1", "env_kwargs.fault=raises-s1"]
    monkeypatch.setenv("FAULTY_IS_CURED", "1")
    mended = sweep(spec, tmp_path, retry_failed=True)
    assert mended.executor.trained == still.executor.trained
    assert set(mended.statuses.values()) == {"completed"} and mended.summary()["failed"] == []


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
    (failed,) = done.summary()["failed"]
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
    assert "gives a reward that is nan" in str(done.reasons["eps_clip=0.1-s1"])


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


def test_a_sweep_names_the_point_that_keeps_its_seeds_as_best(tmp_path: Path) -> None:
    params = ("env_kwargs.pay=1.0,100.0", "env_kwargs.fault=no,huge")
    base = QUICK | unlucky("huge")
    done = sweep(tiny_spec(*params, env_id=FAULTY, base=base, zipped=True), tmp_path)
    assert list(done.statuses.values()) == 3 * ["completed"] + ["diverged"]
    assert done.summary()["best"]["point"]["env_kwargs.pay"] == 1.0
    assert done.reports[-1].best is not None and done.reports[-1].best[2] == 2
