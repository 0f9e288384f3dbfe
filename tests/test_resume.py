"""A run that is killed, or stopped, and resumed ends with the bits of the run that never was."""

from __future__ import annotations

import functools
import itertools
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ppo_process import PpoProcess, Result, is_running
from run_outcome import assert_same_outcome, newest_checkpoint, outcome

from ppo_cli.config import RunConfig, resolve_config
from ppo_cli.errors import UsageError
from ppo_cli.iteration_report import IterationReport
from ppo_cli.launch import prepare_new, prepare_resume
from ppo_cli.run_dir import RunDir, list_runs
from ppo_cli.trainer import train

SMALL = (
    "num_envs=4", "num_steps=16", "num_epochs=2", "num_minibatches=2", "hidden_sizes=[8]",
    "num_evals=8", "eval_episodes=2", "final_eval_episodes=3",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An experiment to be killed. ``iterations`` are as many as take a second or so."""

    name: str
    env: str
    iterations: int
    settings: tuple[str, ...] = ()
    seeds: int = 1

    def words(self, runs_dir: Path, iterations: int | None = None) -> list[str]:
        """The command line that trains it."""
        words = [
            "train",
            "--json",
            "--runs-dir",
            str(runs_dir),
            "--env",
            self.env,
            "--seeds",
            str(self.seeds),
        ]
        for setting in (*SMALL, *self.settings):
            words += ["--set", setting]
        return [*words, "--total-timesteps", str(64 * (iterations or self.iterations))]


CASES = {
    case.name: case
    for case in (
        Case("cartpole", "CartPole-v1", 150, ("target_kl=0.01", "tensorboard=true")),
        Case("cartpole normalised", "CartPole-v1", 150, ("normalize_obs=true", "anneal_eps_clip=true")),
        Case("pendulum", "Pendulum-v1", 80, ("log_std_init=-0.5", "eps_clip_vf=0.2")),
        Case("pendulum normalised", "Pendulum-v1", 80, ("normalize_obs=true", "mode=log")),
        Case("lander", "LunarLander-v3", 60, ("eval_episodes=1",)),
        Case(
            "lander shaped",
            "LunarLander-v3",
            60,
            ("normalize_obs=true", "mode=potential", "distance=50", "angle=20", "eval_episodes=1"),
        ),
        Case(
            "lander in two processes", "LunarLander-v3", 60, ("num_envs=16", "num_steps=4", "env_workers=1")
        ),
        Case("three seeds", "CartPole-v1", 100, ("normalize_obs=true",), seeds=3),
    )
}
TEMPORARY = ("checkpoints/.tmp-*", ".*.tmp")


# ---------------------------------------------------------------------- kill -9


@dataclass
class Undisturbed:
    """What a case comes to when nobody kills it, and how many seconds that takes."""

    outcomes: list[dict[str, Any]]
    seconds: float


@functools.cache
def undisturbed(case: Case, folder: Path) -> Undisturbed:
    folder.mkdir()
    started = time.monotonic()
    result = PpoProcess(case.words(folder / "runs"), folder).wait()
    assert result.code == 0, result.err
    return Undisturbed([outcome(run.path) for run in list_runs(folder / "runs")], time.monotonic() - started)


class Killer:
    """Kills at random moments; every other kill is aimed at files being written.

    Args:
        rng: The moments.
        seconds: How long an undisturbed run takes; a kill comes within a third of that.
    """

    def __init__(self, rng: random.Random, seconds: float) -> None:
        self.rng = rng
        self.seconds = seconds
        self.landed = 0

    def strike(self, process: PpoProcess, runs_dir: Path) -> Result:
        """Kill a process, if it lives until then."""
        time.sleep(self.rng.uniform(0, self.seconds / 3))
        if self.rng.random() < 0.5:
            process.wait_until(lambda: is_being_written(runs_dir), poll=0)
        children = process.children()
        process.send(signal.SIGKILL)
        result = process.wait()
        self.landed += result.was_killed
        assert all_end(children), "it left processes behind"
        assert result.was_killed or result.code == 0, result.err
        return result


def all_end(pids: list[int]) -> bool:
    """Whether these processes are gone within some seconds."""
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_being_written(runs_dir: Path) -> bool:
    """Whether a file or a checkpoint is under its temporary name at this moment."""
    return any(True for run in list_runs(runs_dir) for pattern in TEMPORARY for _ in run.path.glob(pattern))


def kill_and_resume(case: Case, folder: Path, killer: Killer, kills: int, *, warm: bool = True) -> Path:
    """Train a case and kill it until it is done, or left in peace after ``kills``; its runs directory."""
    folder.mkdir()
    runs_dir = folder / "runs"
    words, done = case.words(runs_dir), [0] * case.seeds
    while True:
        process = PpoProcess(words, folder, warm=warm)
        result = killer.strike(process, runs_dir) if killer.landed < kills else process.wait()
        if result.code == 0:
            return runs_dir
        assert result.was_killed, result.err
        runs = list_runs(runs_dir)
        if len(runs) == case.seeds and all(is_complete(run) for run in runs):
            return runs_dir  # killed on its last breath
        if len(runs) == case.seeds:
            words = ["train", "--runs-dir", str(runs_dir), "--json"]
            words += [word for run in runs for word in ("--resume", run.name)]
            before, done = done, [iterations_done(run) for run in runs]
            assert all(now >= then for now, then in zip(done, before, strict=True))
        else:
            done = [0] * case.seeds
            shutil.rmtree(runs_dir, ignore_errors=True)  # killed before there was a run to resume


def iterations_done(run: RunDir) -> int:
    has_checkpoint = any(run.checkpoints_path.glob("it-*"))
    return newest_checkpoint(run.path).iteration if has_checkpoint else 0


def is_complete(run: RunDir) -> bool:
    return (run.read_summary() or {}).get("status") == "completed"


def torture(case: Case, tmp_path: Path, *, kills: int, seed: int, warm: bool = True) -> None:
    """Kill runs of a case ``kills`` times in all; each must end as the undisturbed one did."""
    expected = undisturbed(case, tmp_path / "undisturbed")
    killer = Killer(random.Random(seed), expected.seconds)
    for attempt in itertools.count():
        runs_dir = kill_and_resume(case, tmp_path / f"attempt-{attempt}", killer, kills, warm=warm)
        runs = list_runs(runs_dir)
        assert len(runs) == case.seeds
        for run, wanted in zip(runs, expected.outcomes, strict=True):
            assert_same_outcome(run.path, wanted)
        if killer.landed >= kills:
            break


@pytest.mark.parametrize("name", CASES)
def test_killed_runs_end_with_the_bits_of_the_undisturbed_one(name: str, tmp_path: Path) -> None:
    torture(CASES[name], tmp_path, kills=6, seed=20)


def test_a_killed_command_line_of_its_own_interpreter_ends_with_the_same_bits(tmp_path: Path) -> None:
    torture(CASES["cartpole"], tmp_path, kills=2, seed=7, warm=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_hundred_kills_lose_nothing(name: str, tmp_path: Path) -> None:
    torture(CASES[name], tmp_path, kills=30, seed=11)


# ---------------------------------------------------------------------- stopped after every iteration

ITERATIONS = 6
EVERY_ITERATION = {
    "vector environment, epochs cut short": ("CartPole-v1", ("target_kl=1e-4", "num_steps=8")),
    "continuous, observations normalised": ("Pendulum-v1", ("normalize_obs=true", "num_steps=80")),
    "Box2D, potential": ("LunarLander-v3", ("mode=potential", "distance=50", "num_steps=40")),
    "several terms, clipped values": (
        "MountainCarContinuous-v0",
        ("mode=add", "height=2", "eps_clip_vf=0.3", "num_evals=2"),
    ),
    "time limits": ("Acrobot-v1", ("normalize_obs=true", "num_steps=100", "mode=log")),
}


def config_of(env: str, *settings: str, iterations: int = ITERATIONS, seed: int = 1) -> RunConfig:
    config = resolve_config(env=env, config_file=None, overrides=[*SMALL, *settings]).config
    steps = iterations * config.rollout.num_envs * config.rollout.num_steps
    return resolve_config(
        env=env,
        config_file=None,
        overrides=[*SMALL, *settings],
        values={"total_timesteps": steps, "seed": seed},
    ).config


def start(config: RunConfig, runs_dir: Path, stop_at: int | None = None) -> RunDir:
    """Train a new run, up to an iteration if one is given."""
    (population,) = prepare_new(
        [config], runs_dir=runs_dir, name=None, env_requested=config.env_id, command="test"
    )
    run = population.members[0].run_dir
    assert run is not None
    play(train(population, stop=stopping_after(stop_at)))
    return run


def resume(run: RunDir, stop_after: int | None = None, total_timesteps: int | None = None) -> IterationReport:
    """Go on with a run, for some iterations if a number is given; the last report."""
    (population,) = prepare_resume([str(run.path)], runs_dir=run.path.parent, total_timesteps=total_timesteps)
    return play(train(population, stop=stopping_after(stop_after)))


def play(reports: Iterator[IterationReport]) -> IterationReport:
    *_, last = reports
    return last


def stopping_after(iterations: int | None) -> Callable[[], bool]:
    """A ``stop`` that is true from the given iteration of a session on; it is asked after each."""
    asked = itertools.count(1)
    return lambda: iterations is not None and next(asked) >= iterations


@pytest.fixture(params=EVERY_ITERATION)
def small(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[RunConfig, dict[str, Any]]:
    """A small experiment and what it comes to undisturbed."""
    env, settings = EVERY_ITERATION[request.param]
    config = config_of(env, *settings)
    return config, outcome(start(config, tmp_path / "undisturbed").path)


def test_stopping_after_any_iteration_changes_no_bit(
    small: tuple[RunConfig, dict[str, Any]], tmp_path: Path
) -> None:
    config, expected = small
    for k in range(1, ITERATIONS + 1):
        run = start(config, tmp_path / f"stopped-{k}", stop_at=k)
        assert newest_checkpoint(run.path).iteration == k
        assert (run.read_summary() or {})["status"] == "interrupted"
        assert resume(run).members[0].status == "completed"
        assert_same_outcome(run.path, expected)


def test_stopping_after_every_iteration_changes_no_bit(
    small: tuple[RunConfig, dict[str, Any]], tmp_path: Path
) -> None:
    config, expected = small
    run = start(config, tmp_path / "stopped", stop_at=1)
    for _ in range(ITERATIONS - 1):
        resume(run, stop_after=1)
    resume(run)
    assert_same_outcome(run.path, expected)


# ---------------------------------------------------------------------- damaged checkpoints


def damage(checkpoint: Path) -> None:
    """Flip one bit in the middle of the state."""
    state = checkpoint / "state.safetensors"
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)


def checkpoints_of(run: RunDir) -> list[Path]:
    return sorted(run.checkpoints_path.iterdir())


def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_changes_no_bit(tmp_path: Path) -> None:
    case = CASES["cartpole"]
    assert PpoProcess(case.words(tmp_path / "undisturbed", 80), tmp_path).wait().code == 0
    (whole,) = list_runs(tmp_path / "undisturbed")
    (run,) = interrupted(case, tmp_path / "runs", tmp_path, iterations=80)
    older, newest = checkpoints_of(run)
    damage(newest)
    result = PpoProcess(["train", "--resume", run.path], tmp_path).wait()
    assert result.code == 0, result.err
    assert str(newest / "state.safetensors") in result.err
    assert "The checkpoint before it is used instead" in " ".join(result.err.split())
    assert_same_outcome(run.path, outcome(whole.path))
    assert not older.exists()


def test_a_run_whose_checkpoints_are_all_damaged_is_refused_and_left_alone(tmp_path: Path) -> None:
    (run,) = interrupted(CASES["cartpole"], tmp_path / "runs", tmp_path, iterations=80)
    for checkpoint in checkpoints_of(run):
        damage(checkpoint)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    result = PpoProcess(["train", "--resume", run.path], tmp_path).wait()
    assert result.code == 5
    assert "every checkpoint" in result.err and "config.yaml" in result.err
    after = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert {p for p in before if before[p] != after.get(p)} <= {run.path / ".lock"}


def interrupted(case: Case, runs_dir: Path, logs: Path, iterations: int) -> list[RunDir]:
    """The runs of a case, stopped by SIGTERM when they had two checkpoints."""
    process = PpoProcess(case.words(runs_dir, iterations), logs)
    assert process.wait_until(lambda: len(list(runs_dir.glob("*/checkpoints/it-*"))) >= 2, poll=0)
    process.send(signal.SIGTERM)
    assert process.wait().code == 143
    return list_runs(runs_dir)


# ---------------------------------------------------------------------- resuming what is complete


def test_a_complete_run_is_not_resumed_and_the_refusal_says_how_to_extend_it(tmp_path: Path) -> None:
    run = start(config_of("CartPole-v1", iterations=2), tmp_path)
    before = outcome(run.path)
    with pytest.raises(UsageError, match="complete: 128 of 128 steps") as refused:
        resume(run)
    assert "--total-timesteps" in (refused.value.hint or "")
    assert outcome(run.path) == before


def test_an_extended_run_ends_as_one_that_was_long_from_the_start(tmp_path: Path) -> None:
    """Where nothing is annealed towards the end, and no evaluation is spaced by it."""
    settings = ("anneal_lr=false", "num_evals=0", "normalize_obs=true")
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


def test_members_that_stopped_at_different_iterations_all_end_as_undisturbed(tmp_path: Path) -> None:
    configs = [config_of("CartPole-v1", "normalize_obs=true", seed=seed) for seed in (1, 2, 3)]
    runs = [start(config, tmp_path, stop_at=k) for k, config in zip((1, 3, 3), configs, strict=True)]
    populations = prepare_resume([str(run.path) for run in runs], runs_dir=tmp_path, total_timesteps=None)
    assert [len(population.members) for population in populations] == [1, 2]
    for population in populations:
        play(train(population))
    for run, config in zip(runs, configs, strict=True):
        assert_same_outcome(run.path, outcome(start(config, tmp_path / f"alone-{config.seed}").path))
