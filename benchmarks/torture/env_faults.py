"""T11. Processes that step environments are killed, held or hang; environments fail at any step."""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np
from envs import test_any_environment as any_environment
from helpers.cli_runner import inside, runs_in
from helpers.faulty_env import Faulty
from helpers.ppo_process import is_running
from processes import test_workers as workers_test

from ppo_cli.envs import guard, workers
from ppo_cli.errors import PpoError
from torture.unit import Landed, Work, checked, seed_by_seed

PER_UNIT = {"worker": 20, "environment": 40}
NUM_UNITS = 5
PATIENCE = 1.0  # seconds until a call takes too long


@contextmanager
def little_patience(module: ModuleType, seconds: float) -> Iterator[None]:
    """What takes five minutes to be noticed takes a moment."""
    with mock.patch.object(module, "CALL_SECONDS", seconds), mock.patch.object(guard, "_never_close", set()):
        yield


def lose_a_worker(rng: random.Random) -> None:
    """A worker is killed or held at some step: an error that says so, and no process stays."""
    how = rng.choice((signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGKILL))
    env = rng.choice(("LunarLander-v3", "Acrobot-v1"))
    envs = workers_test.make(env, rng.choice((1, 2)), members=1)
    pids = [worker.pid for worker in workers_test.processes(envs)]
    actions = np.random.default_rng(rng.randrange(2**32))
    try:
        envs.reset()
        for _ in range(rng.randrange(30)):
            envs.step(workers_test.random_actions(envs, actions))
        victim = rng.choice(pids)
        os.kill(victim, how)
        patience = little_patience(workers, PATIENCE) if how is signal.SIGSTOP else nullcontext()
        try:
            with patience:
                for _ in range(3):
                    envs.step(workers_test.random_actions(envs, actions))
        except PpoError as error:
            words = {signal.SIGKILL: "died", signal.SIGSTOP: "has not answered", signal.SIGSEGV: "ended a"}
            assert words[how] in error.message and error.hint, error.message
        else:
            raise AssertionError(f"{how.name} was not noticed")
    finally:
        envs.close()
    left = [pid for pid in pids if is_running(pid)]
    assert not left, f"after {how.name}: {left} still run"


def fail_at_a_step(rng: random.Random, folder: Path) -> None:
    """An environment does one of many wrong things at some step of a training, or at once."""
    where, name = rng.choice(any_environment.CELLS)
    table = {"reset": any_environment.RESET, "step": any_environment.STEP, "init": any_environment.ANYWHERE}
    do, _ = table[where][name]
    since = rng.choice((0, rng.randrange(1, 140)))
    any_environment.go_wrong(where, do, since)
    patience = little_patience(guard, PATIENCE) if "hangs" in name else nullcontext()
    try:
        with patience:
            result = inside(*any_environment.TRAIN, "--json", "-q", cwd=folder)
    finally:
        Faulty.wrong = {}
    said = f"{name} in {where} since {since}: {result.code}: {result.stdout[-400:]} {result.stderr[-300:]}"
    assert result.code == 2 or (result.code == 0 and since), said
    document = json.loads(result.stdout)
    assert "Traceback" not in result.stderr and "this is a bug" not in result.stdout, said
    if result.code and "runs" in document:
        assert document["runs"][0]["status"] == "failed", said
    if "error" in document:
        assert "AnyFault-v0" in document["error"]["message"] and document["error"]["hint"], said
    if result.code and runs_in(folder):
        again = inside("train", "--resume", "a", cwd=folder)
        assert again.code == 0 or "no checkpoint" in again.stderr, f"{said}; resumed: {again.stderr[-300:]}"


def run(case: str, seed: int, folder: Path) -> Landed:
    """Several faults of a kind."""
    landed = Landed()
    for number in range(PER_UNIT[case]):
        rng, what = random.Random(f"{case} {seed} {number}"), f"{case} {seed}, number {number}"
        if case == "worker":
            checked(landed, what, functools.partial(lose_a_worker, rng))
            continue
        here = folder / str(number)
        here.mkdir()
        checked(landed, what, functools.partial(fail_at_a_step, rng, here))
        shutil.rmtree(here, ignore_errors=True)
    return landed


ENV_FAULTS = Work(seed_by_seed(PER_UNIT, NUM_UNITS), run)
