"""Sweeps whose worse points are stopped at rungs."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.sweep_helpers import (
    FAULTY,
    OFTEN,
    PRUNED_SPEC,
    Reference,
    files_of,
    killed_somewhere,
    runner_of,
    sweep,
    sweep_files,
    tiny_spec,
    train_alone,
)

from ppo_cli.learn import trainer
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.rng import Stream, episode_seed
from ppo_cli.sweeps.spec.planned_runs import planned_runs


def test_pruning_stops_the_worse_half_at_each_rung_and_trains_on_with_the_rest(tmp_path: Path) -> None:
    """The better a point is paid the more it returns, whatever it has learned."""
    pays = "env_kwargs.pay=1.0,1e4,1e2,1e6,1e8"
    done = sweep(tiny_spec(pays, env_id=FAULTY, base=OFTEN, prune=True), tmp_path)
    ended = {run.planned.name: (run.status, run.global_step) for run in done.runs}
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
    document = done.summary()
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
    assert stopped.summary()["status"] == "incomplete"
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
    base = OFTEN | {"env_kwargs": {"fault": "huge"}}
    done = sweep(tiny_spec(*params, env_id=FAULTY, base=base, zipped=True, prune=True), tmp_path)
    ended = [(run.planned.config.env_kwargs["pay"], run.planned.seed, run.status) for run in done.runs]
    assert [run for run in ended if run[0] == 1e6] == [(1e6, 1, "pruned"), (1e6, 2, "diverged")]
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
    counts = [list(first.statuses.values()).count(status) for status in ("completed", "diverged", "pruned")]
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
