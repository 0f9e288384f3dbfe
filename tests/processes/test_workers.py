"""Environments in several processes give what they give in one, and processes come and go cleanly."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.waiting import PATIENCE

from ppo_cli.envs import workers
from ppo_cli.envs.backends import LoopBackend
from ppo_cli.envs.episodes import same_bits
from ppo_cli.envs.member_envs import MemberEnvs, make_member_envs
from ppo_cli.envs.workers import WorkerBackend
from ppo_cli.errors import PpoError, UsageError

ENVS = ("LunarLander-v3", "LunarLanderContinuous-v3", "Acrobot-v1", "BipedalWalker-v3")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends is waited for, however long that takes."""
    monkeypatch.setattr(workers, "_EXIT_SECONDS", PATIENCE)


def make(env_id: str, num_workers: int, members: int = 2, num_envs: int = 17) -> MemberEnvs:
    return make_member_envs(env_id, {}, num_envs, list(range(members)), num_workers=num_workers)


def random_actions(envs: MemberEnvs, rng: np.random.Generator) -> np.ndarray:
    shape, action = (envs.num_members, envs.num_envs), envs.spec.action
    if action.kind == "discrete":
        return rng.integers(action.size, size=shape)
    return rng.uniform(-1.5, 1.5, (*shape, action.size)).astype(np.float32)


def assert_same_course(a: MemberEnvs, b: MemberEnvs, steps: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(steps):
        actions = random_actions(a, rng)
        one, other = a.step(actions), b.step(actions)
        for name in ("obs", "rewards", "terminated", "truncated", "mask"):
            assert same_bits(
                getattr(one, name).reshape(1, -1).view(np.uint8),
                getattr(other, name).reshape(1, -1).view(np.uint8),
            ).all()
        assert a.pop_episodes() == b.pop_episodes()


def processes(envs: MemberEnvs) -> list[Any]:
    backend: Any = envs._backend
    return [worker._process for worker in backend._workers]


@pytest.mark.parametrize("env_id", ENVS)
def test_processes_do_not_change_a_bit(env_id: str) -> None:
    alone, spread = make(env_id, 0), make(env_id, 2)
    try:
        assert isinstance(alone._backend, LoopBackend)
        assert isinstance(spread._backend, WorkerBackend)
        assert len(processes(spread)) == 2
        assert same_bits(alone.reset().reshape(1, -1), spread.reset().reshape(1, -1)).all()
        assert_same_course(alone, spread, 120)
        alone.keep([1])
        spread.keep([1])
        assert_same_course(alone, spread, 60)
    finally:
        alone.close()
        spread.close()


def test_progress_goes_over_from_one_to_several_processes() -> None:
    alone, spread = make("LunarLander-v3", 0), make("LunarLander-v3", 1)
    try:
        alone.reset()
        rng = np.random.default_rng(1)
        for _ in range(90):
            alone.step(random_actions(alone, rng))
        alone.pop_episodes()
        assert spread.restore(alone.progress()).exact.all()
        assert_same_course(alone, spread, 60)
    finally:
        alone.close()
        spread.close()


def test_fast_environments_and_few_of_them_stay_in_one_process() -> None:
    for env_id, num_envs in (("Pendulum-v1", 64), ("LunarLander-v3", 8)):
        envs = make_member_envs(env_id, {}, num_envs, [1], num_workers=3)
        assert isinstance(envs._backend, LoopBackend)
        envs.close()


def test_closing_ends_the_processes() -> None:
    envs = make("LunarLander-v3", 1)
    envs.reset()
    (worker,) = processes(envs)
    envs.close()
    assert worker.returncode == 0


def test_a_fault_in_another_process_is_told_as_one_here(monkeypatch: pytest.MonkeyPatch) -> None:
    envs = make("LunarLander-v3", 1)
    try:
        envs.reset()
        backend: Any = envs._backend
        monkeypatch.setattr(backend._own, "reset", lambda *_: None)
        with pytest.raises(UsageError, match=r"LunarLander-v3 failed in reset\(seed=-1\)") as error:
            backend.reset([33], [-1], np.zeros((34, 8), np.float32))
        assert error.value.key == "env_id"
    finally:
        envs.close()


def test_modules_of_the_working_directory_do_not_take_the_place_of_pythons_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "random", "mmap"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    envs = make("LunarLander-v3", 1)
    try:
        assert np.isfinite(envs.reset()).all()
    finally:
        envs.close()


def test_a_killed_process_is_an_error_that_says_what_to_do() -> None:
    envs = make("LunarLander-v3", 1)
    envs.reset()
    (worker,) = processes(envs)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    rng = np.random.default_rng(0)
    with pytest.raises(PpoError, match="died") as error:
        envs.step(random_actions(envs, rng))
    assert "--resume" in (error.value.hint or "")
    envs.close()


def test_ctrl_c_is_left_to_the_trainer() -> None:
    envs = make("LunarLander-v3", 1)
    envs.reset()
    (worker,) = processes(envs)
    os.kill(worker.pid, signal.SIGINT)
    rng = np.random.default_rng(0)
    envs.step(random_actions(envs, rng))
    envs.close()
    assert worker.returncode == 0
