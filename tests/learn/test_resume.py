"""A run that is stopped and resumed, whenever that is, ends with the bits of the run that never was."""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import inside
from helpers.file_faults import Faults, Killed
from helpers.run_outcome import assert_same_outcome, newest_checkpoint, outcome
from helpers.small_runs import EXPERIMENTS, ITERATIONS, config_of, play, resume, start, stopping_when_asked

from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError
from ppo_cli.learn import trainer
from ppo_cli.learn.trainer import train
from ppo_cli.prepare.launch import prepare_new, prepare_resume
from ppo_cli.runs.run_dir import RunDir, list_runs


@pytest.fixture(params=EXPERIMENTS)
def small(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> tuple[RunConfig, dict[str, Any]]:
    """A small experiment and what it comes to undisturbed."""
    env, settings = EXPERIMENTS[request.param]
    config = config_of(env, f"engine={engine}", *settings)
    return config, outcome(start(config, tmp_path / "undisturbed").path)


def test_stopping_after_any_iteration_changes_no_bit(
    small: tuple[RunConfig, dict[str, Any]], tmp_path: Path
) -> None:
    config, expected = small
    for k in range(1, ITERATIONS):
        run = start(config, tmp_path / f"stopped-{k}", stop_at=k)
        assert newest_checkpoint(run.path).iteration == k
        assert (run.read_summary() or {})["status"] == "interrupted"
        assert resume(run).members[0].status == "completed"
        assert_same_outcome(run.path, expected)


def test_a_stop_at_any_moment_also_in_an_evaluation_changes_no_bit(tmp_path: Path, engine: str) -> None:
    sizes = ("num_evals=2", "eval_episodes=2", "final_eval_episodes=2")
    config = config_of("Pendulum-v1", *sizes, f"engine={engine}")  # 200 steps: it is asked four times
    expected = outcome(start(config, tmp_path / "undisturbed").path)
    moments = 0
    for times in itertools.count(1, 3):
        (population,) = prepare_new(
            [config], runs_dir=tmp_path / f"stopped-{times}", name=None, env_requested="", command=""
        )
        run = population.members[0].run_dir
        assert run is not None
        last = play(train(population, stop=stopping_when_asked(times)))
        if last.members[0].status == "completed":
            break
        moments += 1
        assert (run.read_summary() or {})["status"] == "interrupted"
        assert resume(run).members[0].status == "completed"
        assert_same_outcome(run.path, expected)
    assert moments > 5, "so few moments are not any moment"


def test_stopping_after_every_iteration_changes_no_bit(
    small: tuple[RunConfig, dict[str, Any]], tmp_path: Path
) -> None:
    config, expected = small
    run = start(config, tmp_path / "stopped", stop_at=1)
    for _ in range(ITERATIONS - 2):
        resume(run, stop_after=1)
    resume(run)
    assert_same_outcome(run.path, expected)


# ---------------------------------------------------------------------- death at every file operation


SHARES = 4  # of the operations, each in a test of its own, which may run beside the others


@pytest.mark.parametrize("first", range(1, SHARES + 1))
def test_death_at_any_file_operation_changes_no_bit(
    first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third death takes the power with it: what was not synced is lost by the toss of a coin."""
    monkeypatch.setattr(trainer, "CHECKPOINT_SHARE", math.inf)  # a checkpoint after each iteration
    config = config_of("CartPole-v1", "normalize_obs=true", "num_evals=2", "tensorboard=true", iterations=3)
    expected = outcome(start(config, tmp_path / "undisturbed").path)
    counter = Faults()
    with counter.installed():  # now that what is opened once in a process has been
        start(config, tmp_path / "counted")
    assert counter.count > 100
    for at in range(first, counter.count + 1, SHARES):
        power_loss = random.Random(at) if at % 3 == 0 else None
        runs_dir = tmp_path / f"dead-at-{at}"
        died = Faults(at, torn=at % 2 == 0, power_loss=power_loss)
        with died.installed(), pytest.raises(Killed):
            start(config, runs_dir)
        runs = list_runs(runs_dir) or [start(config, runs_dir)]
        if (runs[0].read_summary() or {}).get("status") != "completed":
            resume(runs[0])
        assert_same_outcome(runs[0].path, expected)


# ---------------------------------------------------------------------- damaged files


def damage(checkpoint: Path) -> None:
    """Flip one bit in the middle of the state."""
    state = checkpoint / "state.safetensors"
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)


def damageable() -> RunConfig:
    return config_of("CartPole-v1", "normalize_obs=true", "tensorboard=true", iterations=3)


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDir:
    """A run that was stopped after two of three iterations, with a checkpoint of each."""
    monkeypatch.setattr(trainer, "CHECKPOINT_SHARE", math.inf)
    return start(damageable(), tmp_path / "runs", stop_at=2)


def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_changes_no_bit(
    stopped: RunDir, tmp_path: Path
) -> None:
    whole = start(damageable(), tmp_path / "undisturbed")
    older, newest = sorted(stopped.checkpoints_path.iterdir())
    damage(newest)
    result = inside("train", "--resume", str(stopped.path), cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert str(newest / "state.safetensors") in result.stderr
    assert "The checkpoint before it is used instead" in " ".join(result.stderr.split())
    assert_same_outcome(stopped.path, outcome(whole.path))
    assert not older.exists()


def test_a_run_whose_checkpoints_are_all_damaged_is_refused_and_left_alone(
    stopped: RunDir, tmp_path: Path
) -> None:
    for checkpoint in stopped.checkpoints_path.iterdir():
        damage(checkpoint)
    before = {path: path.read_bytes() for path in stopped.path.rglob("*") if path.is_file()}
    result = inside("train", "--resume", str(stopped.path), cwd=tmp_path)
    assert result.code == 5
    assert "every checkpoint" in result.stderr and "config.yaml" in result.stderr
    after = {path: path.read_bytes() for path in stopped.path.rglob("*") if path.is_file()}
    assert {p for p in before if before[p] != after.get(p)} <= {stopped.path / ".lock"}


def test_a_damaged_summary_does_not_keep_a_run_from_being_resumed(tmp_path: Path) -> None:
    config = config_of("CartPole-v1", iterations=3)
    expected = outcome(start(config, tmp_path / "undisturbed").path)
    for stop_at in (2, None):
        run = start(config, tmp_path / f"stopped-{stop_at}", stop_at=stop_at)
        run.summary_path.write_bytes(run.summary_path.read_bytes()[:-20])
        (population,) = prepare_resume([str(run.path)], runs_dir=tmp_path, total_timesteps=None)
        assert any("summary.json is damaged" in notice for notice in population.notices)
        play(train(population))
        assert_same_outcome(run.path, expected)


# ---------------------------------------------------------------------- resuming what is complete


def test_a_complete_run_is_not_resumed_and_the_refusal_says_how_to_extend_it(tmp_path: Path) -> None:
    run = start(config_of("CartPole-v1", iterations=2), tmp_path)
    before = outcome(run.path)
    with pytest.raises(UsageError, match="complete: 128 of 128 steps") as refused:
        resume(run)
    assert "--total-timesteps" in (refused.value.hint or "")
    assert outcome(run.path) == before


def test_an_extended_run_ends_as_one_that_was_long_from_the_start(tmp_path: Path, engine: str) -> None:
    """Where nothing is annealed towards the end, and no evaluation is spaced by it."""
    settings = ("anneal_lr=false", "num_evals=0", "normalize_obs=true", f"engine={engine}")
    long = start(config_of("Pendulum-v1", *settings, iterations=5), tmp_path / "long")
    run = start(config_of("Pendulum-v1", *settings, iterations=2), tmp_path / "short")
    report = resume(run, total_timesteps=5 * 64)
    assert (report.iteration, report.members[0].status) == (5, "completed")
    assert_same_outcome(run.path, outcome(long.path))
    assert run.config_path.read_text() == long.config_path.read_text()


def test_of_several_runs_those_that_are_complete_are_passed_over(tmp_path: Path) -> None:
    done = start(config_of("CartPole-v1", iterations=2, seed=1), tmp_path)
    stopped = start(config_of("CartPole-v1", iterations=2, seed=2), tmp_path, stop_at=1)
    refs = [str(done.path), str(stopped.path)]
    (population,) = prepare_resume(refs, runs_dir=tmp_path, total_timesteps=None)
    assert [member.name for member in population.members] == [stopped.name]
    assert any(f"{done.name} is complete" in notice for notice in population.notices)


def test_members_that_stopped_at_different_iterations_all_end_as_undisturbed(
    tmp_path: Path, engine: str
) -> None:
    own = ("normalize_obs=true", f"engine={engine}")
    configs = [config_of("CartPole-v1", *own, seed=seed) for seed in (1, 2, 3)]
    runs = [start(config, tmp_path, stop_at=k) for k, config in zip((1, 3, 3), configs, strict=True)]
    populations = prepare_resume([str(run.path) for run in runs], runs_dir=tmp_path, total_timesteps=None)
    assert sum(len(population.members) for population in populations) == 3
    for population in populations:
        play(train(population))
    for run, config in zip(runs, configs, strict=True):
        assert_same_outcome(run.path, outcome(start(config, tmp_path / f"alone-{config.seed}").path))
